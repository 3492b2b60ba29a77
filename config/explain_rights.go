package config

import (
	"cmp"
	"fmt"
	"io"
	"time"
)

// Explain writes in sentences how requests of data subjects are handled, and who is
// told of them.
func (r *Rights) Explain(w io.Writer) error {
	e := &explainer{}
	e.line("Requests of data subjects: %s Deadlines are counted in %s.", reviewSentence(r.Reviewers), r.Location())
	undo := "cannot be taken back"
	if d := r.UndoTime(); d > 0 {
		undo = "can be taken back for " + shortTime(d)
	}
	e.line("  An accepted erasure %s; its rows are late when they are still there after %s, and may be in backups for %s.",
		undo, shortTime(r.TimeLimit()), cmp.Or(r.BackupsKeep, "35d"))
	for i := range r.Systems {
		e.line("  Somebody does in %s what a request of %s asks for, and signs it off.", r.Systems[i].Name, join(r.Systems[i].Rights, "or"))
	}
	for i := range r.Recipients {
		to := &r.Recipients[i]
		of := ""
		if len(to.Purposes) > 0 {
			of = ", where data was for " + join(to.Purposes, "or")
		}
		e.line("  %s is told of %s, and knows people by %s%s.", to.Name, join(to.Rights, "and"), join(to.Identifiers, "and"), of)
	}
	if len(r.Recipients) == 0 {
		e.line("  No recipient is told (GDPR Art. 19).")
	}
	if _, err := io.WriteString(w, e.b.String()); err != nil {
		return fmt.Errorf("explain the rights: %w", err)
	}
	return nil
}

func reviewSentence(n int) string {
	switch n {
	case 0:
		return "nobody else has to approve one."
	case 1:
		return "one other person has to approve one."
	default:
		return fmt.Sprintf("%d others have to approve one.", n)
	}
}

// shortTime writes whole hours and minutes without what is zero.
func shortTime(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}
