package evidence

import (
	"fmt"
	"time"

	"pve-iplease/internal/report"
)

func calledOr(cl Client) string {
	if cl.Name == "" {
		return cl.MAC.String()
	}
	return fmt.Sprintf("%s (%s)", report.Clean(cl.Name), cl.MAC)
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + Stamp(t)
}

func comment(s string) string {
	if s == "" {
		return ""
	}
	return " (" + report.Clean(s) + ")"
}

// Stamp prints a time for people.
func Stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// Age prints how long ago something was, in one unit.
func Age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}
