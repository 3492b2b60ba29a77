package vault

import (
	"context"
	"time"
)

// follower keeps memory in step with what other keyholders write.
type follower struct {
	last  ContactID
	heard time.Time
}

func (f *follower) fresh() bool                                            { return true }
func (f *follower) stop()                                                  {}
func (f *follower) catchUp(ctx context.Context, v *Vault, q querier) error { return nil }
