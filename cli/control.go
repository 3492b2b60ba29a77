package cli

import "context"

type controlCmd struct {
	Move controlMoveCmd `cmd:"" help:"Copy the control store of a stopped gateway from its file into an empty PostgreSQL database, and verify the copy."`
}

type controlMoveCmd struct{ MoveFlags }

// Run moves the store.
func (c *controlMoveCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Move == nil {
		return errNoAction
	}
	return a.Move(ctx, c.MoveFlags, s.out, s.errw)
}
