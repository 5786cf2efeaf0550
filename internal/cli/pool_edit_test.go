package cli

import (
	"testing"

	"pve-iplease/internal/config"
)

// Every property can be set by a flag that says what it is for.
func TestEveryPropertyIsAFlag(t *testing.T) {
	t.Parallel()
	for _, w := range config.PoolWords() {
		if poolFlags[w.Key] == "" {
			t.Errorf("--%s has no description", w.Key)
		}
	}
	if len(poolFlags) != len(config.PoolWords()) {
		t.Errorf("%d descriptions, %d properties", len(poolFlags), len(config.PoolWords()))
	}
}
