package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// What an error says is for the log: what to do, and nothing of the server's words.
func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err             error
		class, words    string
		poison, tooMuch bool
	}{
		{&clickhouse.Exception{Code: 516, Message: "jana@example.org"}, "login", "the login was refused", false, false},
		{&clickhouse.Exception{Code: 497, Message: "jana@example.org"}, "login", "check its grants", false, false},
		{&clickhouse.Exception{Code: 242, Message: "jana@example.org"}, "read_only", "read-only", false, false},
		{&clickhouse.Exception{Code: 164, Message: "jana@example.org"}, "read_only", "read-only", false, false},
		{&clickhouse.Exception{Code: 241, Message: "jana@example.org"}, "memory", "short of memory", false, true},
		{&clickhouse.Exception{Code: 252, Message: "jana@example.org"}, "parts", "too many parts", false, false},
		{&clickhouse.Exception{Code: 243, Message: "jana@example.org"}, "disk", "disk is full", false, false},
		{&clickhouse.Exception{Code: 16, Message: "jana@example.org"}, "schema", "missing", false, false},
		{&clickhouse.Exception{Code: 27, Message: "jana@example.org"}, "content", "does not fit", true, false},
		{&clickhouse.Exception{Code: 9999, Message: "jana@example.org"}, "refused", "code 9999", false, false},
		{errValue, "content", "does not fit", true, false},
		{fmt.Errorf("ts: %w", errColumn), "schema", "ts: a column of the table", false, false},
		{context.DeadlineExceeded, "unreachable", "deadline", false, false},
		{errors.New("jana@example.org"), "unreachable", "cannot be reached", false, false},
	} {
		var e *Error
		if !errors.As(classify("insert into events", c.err), &e) || e.Class() != c.class || e.Poison() != c.poison || e.TooMuch() != c.tooMuch {
			t.Errorf("%v: class %s, poison %v", c.err, e.Class(), e.Poison())
		}
		if text := e.Error(); !strings.Contains(text, c.words) || !strings.HasPrefix(text, "insert into events") || strings.Contains(text, "jana") {
			t.Errorf("%v: %s", c.err, text)
		}
		if e.Unsent() || !unsentOf(e) {
			t.Errorf("%v: unsent", c.err)
		}
	}
}

// TestReasonsOfMutations: a mutation that fails is never taken for a server that is
// away, whatever it says: what is away is tried for as long as it lasts.
func TestReasonsOfMutations(t *testing.T) {
	for reason, want := range map[string]struct {
		class, words string
		code         int32
	}{
		"Code: 60. DB::Exception: jana@example.org":                   {"schema", "code 60", 60},
		"Code: 9999. DB::Exception: jana@example.org":                 {"refused", "code 9999", 9999},
		"std::exception. Code: 1001, type: jana@example.org":          {"refused", "no code", 0},
		"Poco::Exception. Code: 1000, e.code() = 0, jana@example.org": {"refused", "no code", 0},
		"jana@example.org": {"refused", "no code", 0},
		"Code: 99999999999. DB::Exception: more than fits, jana@example.org": {"refused", "no code", 0},
	} {
		e := failedMutation("watch a deletion", reason)
		if e.Class() != want.class || e.Code != want.code || e.Poison() {
			t.Errorf("%s: class %s, code %d", reason, e.Class(), e.Code)
		}
		if text := e.Error(); !strings.Contains(text, want.words) || strings.Contains(text, "jana") || e.Detail() != reason {
			t.Errorf("%s: %s", reason, text)
		}
	}
}

func unsentOf(err error) bool {
	var e *Error
	return errors.As(unsent(err), &e) && e.Unsent()
}
