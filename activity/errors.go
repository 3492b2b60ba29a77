package activity

import "errors"

// Error is a failure of ClickHouse. It carries the server's code and name and
// never its text, which may repeat content.
type Error struct {
	Act    string // what was tried
	Code   int32  // the server's code; 0: the server was not reached or did not answer
	poison bool
	cause  error
}

// Error says the act and the code.
func (e *Error) Error() string { return e.Act }

// Unwrap returns the cause when it is free of content (context and network errors).
func (e *Error) Unwrap() error { return e.cause }

// Poison says that the rows themselves were refused: sending them again is vain.
func (e *Error) Poison() bool { return e.poison }

// Transient says that the same rows may be accepted later.
func (e *Error) Transient() bool { return !e.poison }

var _ = errors.New
