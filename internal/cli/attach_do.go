package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// carryOut does what was planned, guest by guest; what fails is noted, and the
// others are done all the same.
func (p *attachment) carryOut(ctx context.Context) {
	p.Done = true
	api, err := p.api()
	for _, s := range p.Guests {
		if s.Action != doAttach && s.Action != doDetach {
			continue
		}
		if err == nil {
			set := map[string]string{"hookscript": ourScript}
			if p.opt.detach {
				set = map[string]string{"delete": "hookscript"}
			}
			s.Error = problem(api.SetConfig(ctx, s.Node, pve.Container, s.VMID, set, s.digest))
			continue
		}
		s.Error = problem(err)
	}
}

func problem(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, pveapi.ErrChanged):
		return "its config was changed since the plan was made; run the command again"
	}
	return report.Sentence(err.Error())
}

// failed reports whether somebody should look: a guest that was named can't be
// done, or one of the others went wrong.
func (p *attachment) failed() bool {
	for _, s := range p.Guests {
		if s.Error != "" || s.Action == refused && !p.opt.all {
			return true
		}
	}
	return false
}

// attachScreen prints the plan, or what became of it.
func (a *app) attachScreen(p *attachment) error {
	var b strings.Builder
	count := map[string]int{}
	for _, s := range p.Guests {
		word := s.word(p.Done)
		count[word]++
		title := s.title()
		if why := s.Reason + s.Error; why != "" {
			title += ": " + why
		}
		ui.Wrap(&b, title, fmt.Sprintf("%-9s ", word), ui.Width)
		if s.Error == "" && s.Action != refused {
			s.Address.screen(&b)
		}
	}
	b.WriteString("\n")
	var total []string
	for _, word := range []string{doAttach, doDetach, "attached", "detached", idle, refused, "failed"} {
		if n := count[word]; n > 0 {
			total = append(total, fmt.Sprintf("%s: %d", word, n))
		}
	}
	text := strings.Join(total, ", ")
	switch todo := count[doAttach] + count[doDetach]; {
	case !p.Done && todo > 0:
		text += "; " + p.hint
	case count["attached"] > 0:
		text += "; the addresses are written at each one's next start"
	}
	ui.Wrap(&b, text, "", ui.Width)
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// title reads CT 101 (web) on pve1.
func (s *attachStep) title() string {
	if s.guest.VMID == 0 {
		return "guest " + s.VMID.String()
	}
	title := pve.Owner{Kind: s.guest.Kind, VMID: s.VMID}.Guest()
	if s.Name != "" {
		title += " (" + s.Name + ")"
	}
	return title + " on " + s.Node
}

// word is what happens to a guest, or happened.
func (s *attachStep) word(done bool) string {
	switch {
	case s.Error != "":
		return "failed"
	case done && (s.Action == doAttach || s.Action == doDetach):
		return s.Action + "ed"
	}
	return s.Action
}

func (c *addressChange) screen(b *strings.Builder) {
	if c == nil {
		return
	}
	text := fmt.Sprintf("%s -> %s", c.Old, c.New)
	if c.Old == c.New {
		text = c.New + " stays"
	}
	if c.Pool != "" {
		text += ", pool " + c.Pool
	}
	ui.Wrap(b, text+" ("+c.Why+")", fmt.Sprintf("%10s%s ", "", c.NIC), ui.Width)
	for _, n := range c.Notes {
		ui.Wrap(b, n, fmt.Sprintf("%15s", ""), ui.Width)
	}
}
