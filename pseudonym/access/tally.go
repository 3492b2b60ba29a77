package access

import "context"

// Tally is what a handler tells of its call, for the log and the metrics.
type Tally struct {
	Rows, Unknown, Minted int
	Why                   Why    // of a refusal
	Key                   string // which key it was about
}

type tallyKey struct{}

// TallyOf returns the tally of a call. Outside of one, nobody reads it.
func TallyOf(ctx context.Context) *Tally {
	if t, ok := ctx.Value(tallyKey{}).(*Tally); ok {
		return t
	}
	return new(Tally)
}

func withTally(ctx context.Context) (context.Context, *Tally) {
	t := new(Tally)
	return context.WithValue(ctx, tallyKey{}, t), t
}
