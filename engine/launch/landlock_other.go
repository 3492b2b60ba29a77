//go:build !linux

package launch

// confine needs Landlock, which is Linux's alone.
func confine(_, _ []string, _ int) error { return errUnconfined }
