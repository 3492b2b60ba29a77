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
	unsent bool
	own    error // of this room, without content
	cause  error
	detail string
}

// Error says the act, the code and what the code means for whoever runs this.
func (e *Error) Error() string {
	m := meanings[e.Code]
	switch {
	case e.Code != 0 && m.advice != "":
		return fmt.Sprintf("%s: clickhouse refused with code %d: %s", e.Act, e.Code, m.advice)
	case e.Code != 0:
		return fmt.Sprintf("%s: clickhouse refused with code %d", e.Act, e.Code)
	case e.own != nil:
		return e.Act + ": " + e.own.Error()
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

// Unsent says that no row had left: nothing of them can be stored.
func (e *Error) Unsent() bool { return e.unsent }

// Transient says that the same rows may be accepted later.
func (e *Error) Transient() bool { return !e.poison }

// Detail is the server's own text for the person who typed the statement. It
// may repeat content: it is for their terminal and never for a log.
func (e *Error) Detail() string { return e.detail }

// Class is what kind of trouble it is, for metrics: one of login, read_only,
// memory, parts, disk, schema, content, unreachable, refused.
func (e *Error) Class() string {
	switch m := meanings[e.Code]; {
	case errors.Is(e.own, errReason):
		return classRefused
	case e.own != nil:
		return classSchema
	case e.poison:
		return classContent
	case m.class != "":
		return m.class
	case e.Code != 0:
		return classRefused
	}
	return classUnreachable
}

// TooMuch says that fewer rows at once might be accepted.
func (e *Error) TooMuch() bool { return meanings[e.Code].class == classMemory }

const (
	classLogin       = "login"
	classReadOnly    = "read_only"
	classMemory      = "memory"
	classParts       = "parts"
	classDisk        = "disk"
	classSchema      = "schema"
	classContent     = "content"
	classUnreachable = "unreachable"
	classRefused     = "refused"
)

// meaning is what a code of the server means here.
type meaning struct{ class, advice string }

var (
	poisonMeaning   = meaning{classContent, "a value does not fit its column"}
	loginMeaning    = meaning{classLogin, "the login was refused: check the user and the password of this ClickHouse"}
	deniedMeaning   = meaning{classLogin, "the user may not do this: check its grants"}
	readOnlyMeaning = meaning{classReadOnly, "it is read-only now"}
	memoryMeaning   = meaning{classMemory, "it is short of memory"}
	partsMeaning    = meaning{classParts, "it has too many parts and must merge first"}
	diskMeaning     = meaning{classDisk, "its disk is full"}
	schemaMeaning   = meaning{classSchema, "a table or a column is missing: the schema is not that of this zgoda"}
)

// meanings are the server's codes that mean something here.
var meanings = func() map[int32]meaning {
	out := map[int32]meaning{}
	for m, codes := range map[meaning][]int32{
		poisonMeaning:   {6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 467, 691},
		loginMeaning:    {192, 193, 194, 516},
		deniedMeaning:   {497},
		readOnlyMeaning: {164, 242, 225, 999},
		memoryMeaning:   {241, 173},
		partsMeaning:    {252, 364},
		diskMeaning:     {243},
		schemaMeaning:   {10, 16, 47, 60, 81},
	} {
		for _, code := range codes {
			out[code] = m
		}
	}
	return out
}()

// classify drops the text of an error and keeps its class.
func classify(act string, err error) error {
	out := &Error{Act: act}
	var exception *clickhouse.Exception
	var converter *column.ColumnConverterError
	var columnError *column.Error
	switch {
	case errors.As(err, &exception):
		out.Code, out.poison, out.detail = exception.Code, meanings[exception.Code] == poisonMeaning, exception.Message
	case errors.As(err, &converter), errors.As(err, &columnError), errors.Is(err, errValue):
		out.poison = true
	case errors.Is(err, errColumn):
		out.own = err
	case errors.Is(err, context.Canceled):
		out.cause = context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		out.cause = context.DeadlineExceeded
	}
	return out
}

// unsent marks an error as one before any row had left.
func unsent(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.unsent = true
	}
	return err
}
