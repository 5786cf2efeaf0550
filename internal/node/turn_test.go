package node

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// As many starts as there are processors are at work at a time; that they are
// stopped for long keeps none from going on.
func TestTurn(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	ends := make([]func(), runtime.NumCPU())
	for i := range ends {
		end, crowd := h.Turn(t.Context())
		ends[i] = end
		if crowd {
			t.Errorf("%d of %d places are taken, and there was none", i, len(ends))
		}
	}
	next := make(chan func())
	go func() {
		end, crowd := h.Turn(t.Context())
		if !crowd {
			t.Error("there was a place too many")
		}
		next <- end
	}()
	select {
	case <-next:
		t.Fatal("out of turn")
	case <-time.After(50 * time.Millisecond):
	}
	for _, end := range ends {
		end()
	}
	end := <-next
	for range len(ends) - 1 { // the others are free
		e, crowd := h.Turn(t.Context())
		defer e()
		if crowd {
			t.Error("a place was not given back")
		}
	}
	hasty, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	without, crowd := h.Turn(hasty)
	if !crowd || hasty.Err() != nil {
		t.Errorf("all places were kept: a crowd %v, and the time left %v", crowd, hasty.Err())
	}
	without()
	if _, crowd := h.Turn(hasty); !crowd {
		t.Error("who went without gave back what another has")
	}
	end()
}
