package pveapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Program is the file that speaks HTTPS with pveproxy for us.
const Program = "pve-iplease-api"

// How long the program may take: to greet, which needs files alone, and to
// answer, where it gives pveproxy up before we give it up.
const (
	greetLimit  = 10 * time.Second
	answerLimit = time.Minute
)

// program is pve-iplease-api while it runs.
type program struct {
	conn io.ReadWriteCloser

	writing sync.Mutex // held while a request is written

	mu      sync.Mutex
	last    int                 // request
	waiting map[int]chan Answer // closed when no answer will come
	ended   error               // why nothing can be asked any more
}

// startProgram starts it and waits for its greeting.
func startProgram(o Options, purpose string) (*program, error) {
	conn, err := o.Start("--root", o.Root, purpose)
	if err != nil {
		return nil, &Failure{Text: err.Error(), Unheard: true}
	}
	p := &program{conn: conn, waiting: map[int]chan Answer{}}
	words := json.NewDecoder(conn)
	greeted := make(chan error, 1)
	go func() {
		err := greeting(words)
		greeted <- err
		if err == nil {
			p.listen(words)
		}
	}()
	select {
	case err = <-greeted:
	case <-time.After(greetLimit):
		err = &Failure{Text: fmt.Sprintf("%s says nothing for %s", Program, greetLimit), Unheard: true}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return p, nil
}

// greeting reads the program's first words.
func greeting(words *json.Decoder) error {
	var h Hello
	switch err := words.Decode(&h); {
	case err != nil:
		return &Failure{Text: broken(err).Error(), Unheard: true}
	case h.Protocol != Protocol:
		return &Failure{Text: fmt.Sprintf("%s is of version %q and doesn't understand this program; install both of one version", Program, h.Version), Unheard: true}
	case h.Failure != nil:
		return h.Failure
	}
	return nil
}

// broken is why no more can be read.
func broken(err error) error {
	switch err.(type) {
	case *json.SyntaxError, *json.UnmarshalTypeError:
		return fmt.Errorf("%s says what nobody understands: %w", Program, err)
	}
	return fmt.Errorf("%s has ended: %w", Program, err)
}

// listen hands the answers to those who wait for them.
func (p *program) listen(words *json.Decoder) {
	for {
		var a Answer
		if err := words.Decode(&a); err != nil {
			p.end(broken(err))
			return
		}
		p.mu.Lock()
		answer, ok := p.waiting[a.ID] // else whoever asked is gone
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		if ok {
			answer <- a
		}
	}
}

// end gives the program up; whoever waits learns that there will be no answer.
func (p *program) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return
	}
	p.ended = why
	for id, answer := range p.waiting {
		close(answer)
		delete(p.waiting, id)
	}
	_ = p.conn.Close()
}

func (p *program) call(ctx context.Context, r Request, v any) error {
	answer, err := p.send(&r)
	if err != nil {
		return &Failure{Text: err.Error(), Unheard: true}
	}
	limit := time.NewTimer(answerLimit)
	defer limit.Stop()
	select {
	case a, ok := <-answer:
		if ok {
			return r.take(a, v)
		}
	case <-ctx.Done():
		p.forget(r.ID)
		return r.unanswered(context.Cause(ctx))
	case <-limit.C:
		p.end(fmt.Errorf("%s says nothing for %s", Program, answerLimit))
	}
	return r.unanswered(p.why())
}

// send gives the request its number and writes it; the answer will come
// through the channel. An error means that the program got none of it, or half
// of it, which it can't read.
func (p *program) send(r *Request) (<-chan Answer, error) {
	answer := make(chan Answer, 1)
	p.mu.Lock()
	if p.ended != nil {
		p.mu.Unlock()
		return nil, p.ended
	}
	p.last++
	r.ID = p.last
	p.waiting[r.ID] = answer
	p.mu.Unlock()

	line, err := json.Marshal(r)
	if err == nil {
		p.writing.Lock()
		_, err = p.conn.Write(append(line, '\n'))
		p.writing.Unlock()
	}
	if err != nil {
		p.forget(r.ID)
		return nil, fmt.Errorf("%s takes no requests: %w", Program, err)
	}
	return answer, nil
}

func (p *program) forget(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

func (p *program) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// take decodes the answer's data into v, which may be nil.
func (r Request) take(a Answer, v any) error {
	if a.Failure != nil {
		return a.Failure
	}
	if v == nil || len(a.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(a.Data, v); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	return nil
}

// unanswered is the error of a request whose fate nobody knows.
func (r Request) unanswered(why error) error {
	if r.Method == Get {
		return fmt.Errorf("no answer to GET %s: %w", r.Path, why)
	}
	return fmt.Errorf("no answer to %s %s, which may have been done all the same: %w", r.Method, r.Path, why)
}
