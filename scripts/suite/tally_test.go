package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTally(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		said string
		want string
		err  string
	}{
		"passed": {
			said: `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.002s\n"}
{"Action":"pass","Package":"p","Elapsed":0.002}`,
			want: "ok  \tp\t0.002s\n1 passed, 0 failed, 0 skipped\n",
		},
		"a part fails": {
			said: `{"Action":"output","Package":"p","Test":"TestA","Output":"a is quiet\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB/x","Output":"    b_test.go:3: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB/x"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- FAIL: TestB (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.002s\n"}
{"Action":"fail","Package":"p"}`,
			want: "    b_test.go:3: wrong\n--- FAIL: TestB (0.00s)\nFAIL\tp\t0.002s\n1 passed, 2 failed, 0 skipped\n",
		},
		"skipped": {
			said: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no zsh:\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"        apt install zsh\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB/x","Output":"    a_test.go:3: no zsh: apt install zsh\n"}
{"Action":"skip","Package":"p","Test":"TestB/x"}
{"Action":"output","Package":"p","Test":"TestC/x","Output":"    cmd.go:380: no zsh: apt install zsh\n"}
{"Action":"output","Package":"p","Test":"TestC/x","Output":"    testscript.go:609: WORK=$WORK\n"}
{"Action":"skip","Package":"p","Test":"TestC/x"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"skip","Package":"q"}`,
			want: "skipped 1: no reason given (TestC)\nskipped 3: no zsh: apt install zsh (TestA, TestB/x, TestC/x)\n0 passed, 0 failed, 4 skipped\n",
		},
		"a package ends before its test": {
			said: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"output","Package":"q","Test":"TestA","Output":"goes on\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t9s\n"}
{"Action":"fail","Package":"p"}`,
			want: "FAIL\tp\t9s\npanic: test timed out\n0 passed, 1 failed, 0 skipped\n",
		},
		"what doesn't build": {
			said: `{"ImportPath":"p","Action":"build-output","Output":"# p\n"}
{"ImportPath":"p","Action":"build-output","Output":"./a.go:3: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			want: "# p\n./a.go:3: undefined: x\nFAIL\tp [build failed]\n0 passed, 0 failed, 0 skipped\n",
		},
		"no JSON": {
			said: `go: no such tool`,
			want: "0 passed, 0 failed, 0 skipped\n",
			err:  "what go test says: invalid character 'g' looking for beginning of value",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			tally := newTally(&out)
			err := tally.read(strings.NewReader(tt.said))
			tally.sum()
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err != nil) != (tt.err != "") || err != nil && err.Error() != tt.err {
				t.Errorf("%v, want %q", err, tt.err)
			}
		})
	}
}

// What runs alone is there to be run.
func TestAloneAreThere(t *testing.T) {
	t.Parallel()
	packages, err := list("../..")
	if err != nil {
		t.Fatal(err)
	}
	together, single := split(packages)
	if len(single) != len(alone) || len(together) == 0 {
		t.Errorf("of %q run alone: %q", alone, single)
	}
}
