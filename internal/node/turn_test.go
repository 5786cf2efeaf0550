package node

import (
	"context"
	"testing"
	"time"
)

// Of starts that share a place one is at work at a time; that one is stopped for
// long keeps none from going on.
func TestTurn(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	done, crowd := h.Turn(t.Context())
	if crowd {
		t.Error("others were seen where nobody is")
	}
	next := make(chan bool)
	go func() {
		done, crowd := h.Turn(t.Context())
		defer done()
		next <- crowd
	}()
	select {
	case <-next:
		t.Fatal("out of turn")
	case <-time.After(50 * time.Millisecond):
	}
	done()
	if !<-next {
		t.Error("who waited has seen nobody")
	}
	done, _ = h.Turn(t.Context())
	defer done()
	hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	without, crowd := h.Turn(hasty)
	without()
	if !crowd || hasty.Err() == nil {
		t.Error("a place that is kept was had twice")
	}
}
