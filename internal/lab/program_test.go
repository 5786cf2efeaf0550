package lab_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pve-iplease/internal/lab"
)

// A program that has been copied can be run, whatever else is started at the
// same time.
func TestCopiedProgramRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			path := filepath.Join(dir, string(rune('A'+i)))
			self, err := os.Open("/proc/self/exe")
			if err != nil {
				t.Error(err)
				return
			}
			defer self.Close()
			if err := lab.CopyProgram(path, self); err != nil {
				t.Error(err)
				return
			}
			child := roleCommand("where")
			child.Path = path
			if err := child.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
