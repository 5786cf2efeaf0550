package evidence_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
)

type judgeCase struct {
	world func(world)
	heard []evidence.Hearing
	want  string // severity: sentence
	do    string // what can be done, in order
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]judgeCase{rightCases(), conflictCases(), strangerCases(), silentCases(), fixedCases()} {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				if c.world != nil {
					c.world(w)
				}
				v := evidence.Judge(w.About(tested, c.heard, nil))
				var do []string
				for _, s := range v.Do {
					do = append(do, s.What)
				}
				if diff := cmp.Diff(c.want, v.Severity.String()+": "+v.Text); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if diff := cmp.Diff(c.do, strings.Join(do, " ")); diff != "" {
					t.Errorf("remedies (-want +got):\n%s", diff)
				}
			})
		}
	}
}
