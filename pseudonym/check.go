package pseudonym

import (
	"context"
	"errors"
	"fmt"

	"zgoda/pseudonym/keyholderpb"
)

// Seals is what the keyholder says of its log of calls, which it checked with its
// own key.
type Seals struct {
	Last   uint64 // number of the last entry
	Seals  uint64
	Sealed uint64 // number of the last entry that a seal stands behind
}

// CheckCalls has the keyholder check its log of calls, seals included.
func (a *Administrator) CheckCalls(ctx context.Context) (s Seals, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var verdict *keyholderpb.CallsVerdict
	err = a.counted(ctx, "calls", func() error {
		answers, err := a.keys.Calls(ctx, &keyholderpb.CallsRequest{Call: a.callOf(ctx), Check: true})
		return receive(answers, err, func(p *keyholderpb.CallsPiece) error {
			verdict = p.GetVerdict()
			return nil
		})
	})
	switch {
	case err != nil:
		return Seals{}, err
	case verdict == nil:
		return Seals{}, fmt.Errorf("keyholder calls: %w", ErrAnswer)
	case verdict.GetBroken() != "":
		return Seals{}, errors.New(verdict.GetBroken())
	}
	return Seals{Last: verdict.GetLast(), Seals: verdict.GetSeals(), Sealed: verdict.GetSealed()}, nil
}
