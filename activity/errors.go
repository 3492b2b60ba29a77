package activity

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// Error is a failure of ClickHouse. Its text holds the act and the server's
// code and never the server's own text, which may repeat content.
type Error struct {
	Act    string // what was tried
	Code   int32  // the server's code; 0: the server was not reached or did not answer
	poison bool
	cause  error
	detail string
}

// Error says the act and the code.
func (e *Error) Error() string {
	switch {
	case e.Code != 0:
		return fmt.Sprintf("%s: clickhouse refused with code %d", e.Act, e.Code)
	case e.poison:
		return e.Act + ": a value does not fit its column"
	case e.cause != nil:
		return e.Act + ": " + e.cause.Error()
	}
	return e.Act + ": clickhouse cannot be reached or did not answer"
}

// Unwrap returns context errors, the only causes that are kept.
func (e *Error) Unwrap() error { return e.cause }

// Poison says that the rows themselves were refused: sending them again is vain.
func (e *Error) Poison() bool { return e.poison }

// Transient says that the same rows may be accepted later.
func (e *Error) Transient() bool { return !e.poison }

// Detail is the server's own text for the person who typed the statement. It
// may repeat content: it is for their terminal and never for a log.
func (e *Error) Detail() string { return e.detail }

// poisonCodes are the server's codes that blame a value.
var poisonCodes = map[int32]bool{
	6: true, 26: true, 27: true, 38: true, 41: true, 53: true, 69: true, 70: true, 72: true, 117: true,
	131: true, 321: true, 349: true, 467: true, 691: true,
}

// classify drops the text of an error and keeps its class.
func classify(act string, err error) error {
	out := &Error{Act: act}
	var exception *clickhouse.Exception
	var converter *column.ColumnConverterError
	var columnError *column.Error
	switch {
	case errors.As(err, &exception):
		out.Code, out.poison, out.detail = exception.Code, poisonCodes[exception.Code], exception.Message
	case errors.As(err, &converter), errors.As(err, &columnError):
		out.poison = true
	case errors.Is(err, context.Canceled):
		out.cause = context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		out.cause = context.DeadlineExceeded
	}
	return out
}
