package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Each of a node's settings stands in the manual, in the README, and in the file
// that the package installs.
func TestEveryNodeSettingIsDocumented(t *testing.T) {
	t.Parallel()
	forms := map[string]string{"packaging/man/pve-iplease.8": "\n.Ic %s\n", "packaging/node.cfg": "\n#%s ", "README.md": "\n| `%s` | "}
	for file, form := range forms {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range nodeWords.known() {
			if !strings.Contains(string(text), fmt.Sprintf(form, key)) {
				t.Errorf("%s lacks %s", file, key)
			}
		}
	}
}
