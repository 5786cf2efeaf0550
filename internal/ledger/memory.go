package ledger

import (
	"bytes"
	"context"
	"fmt"
)

// memory is a store for simulations: one slot, one process.
type memory struct {
	lock chan struct{} // holds one token while the store is free
	data chan []byte   // always holds the one value
}

// NewMemory returns an empty store that lives as long as the process.
func NewMemory() Store {
	m := &memory{lock: make(chan struct{}, 1), data: make(chan []byte, 1)}
	m.lock <- struct{}{}
	m.data <- nil
	return m
}

func (m *memory) Read(context.Context) ([]Slot, error) {
	data := <-m.data
	m.data <- data
	if data == nil {
		return nil, nil
	}
	return []Slot{{Name: "memory", Data: bytes.Clone(data), Exact: true}}, nil
}

func (m *memory) Lock(ctx context.Context) (Writer, error) {
	select {
	case <-m.lock:
		return m, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrLocked, ctx.Err())
	}
}

func (m *memory) Write(_ context.Context, _ []Slot, _ int, data []byte) error {
	<-m.data
	m.data <- bytes.Clone(data)
	return nil
}

func (m *memory) Keep(context.Context, int, string) error { return nil }

func (m *memory) Unlock() error {
	m.lock <- struct{}{}
	return nil
}
