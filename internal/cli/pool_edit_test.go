package cli

import (
	"testing"

	"pve-iplease/internal/config"
)

// Every property can be set by a flag that says what it is for.
func TestEveryPropertyIsAFlag(t *testing.T) {
	t.Parallel()
	for _, w := range config.PoolWords() {
		if poolFlag(w.Key) == "" {
			t.Errorf("--%s has no description", w.Key)
		}
	}
}
