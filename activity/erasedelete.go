package activity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delete takes the rows away: one mutation a table that has any, watched to its end.
// issued is told of each before it is waited for. That it has returned nil proves
// nothing: ClickHouse calls a mutation done that it began over an empty table after a
// crash. Prove does.
func (e *Erasing) Delete(ctx context.Context, issued func(table, mutation string) error) error {
	running, err := e.issue(ctx, issued, nil)
	if err != nil {
		return err
	}
	return e.watch(ctx, running)
}

// issue begins the mutations, but those of tables that are left to others.
func (e *Erasing) issue(ctx context.Context, issued func(table, mutation string) error, leave func(table string) bool) ([]mutation, error) {
	if err := e.seal(ctx); err != nil {
		return nil, err
	}
	statements, err := e.statements(ctx)
	if err != nil {
		return nil, err
	}
	due := statements[:0]
	for _, s := range statements {
		if leave != nil && leave(s.table) {
			continue
		}
		n := uint64(0)
		if err := e.one(ctx, actCount, s.count, &n); err != nil {
			return nil, err
		}
		if n > 0 {
			due = append(due, s)
		}
	}
	if err := e.there(ctx); err != nil {
		return nil, err
	}
	running := make([]mutation, len(due))
	for i, s := range due {
		if err := e.do(ctx, "delete rows", "ALTER TABLE {db}."+s.table+" "+s.commands); err != nil {
			return nil, err
		}
		if running[i], err = e.store.mutation(ctx, s.table, s.names); err != nil {
			return nil, err
		}
		if err := issued(s.table, running[i].id); err != nil {
			return nil, err
		}
	}
	return running, nil
}

// watch waits for mutations.
func (e *Erasing) watch(ctx context.Context, running []mutation) error {
	for _, m := range running {
		if err := e.store.await(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// deletion is what is to be done to a table if a count is not zero.
type deletion struct{ table, count, commands, names string }

// deleteMask takes away the rows that somebody has deleted by a mask only, which a
// mutation does not look at.
const deleteMask = "APPLY DELETED MASK"

func (e *Erasing) statements(ctx context.Context) ([]deletion, error) {
	where, commands := e.going(), []string{"DELETE WHERE " + e.going()}
	if e.some {
		loosen, err := e.loosen(ctx)
		if err != nil {
			return nil, err
		}
		if loosen != "" {
			where, commands = where+" OR "+e.loosed(), append(commands, loosen)
		}
	}
	if e.veils {
		where, commands = where+" OR "+veiled, append(commands, "UPDATE visitor = {nobody} WHERE "+veiled)
	}
	var out []deletion
	for _, table := range []string{"events", "links"} {
		out = append(out, deletion{table, "SELECT count() FROM system.parts WHERE database = '{db}' AND table = '" + table + "' AND active AND has_lightweight_delete", deleteMask, deleteMask})
	}
	return append(out,
		deletion{"events", "SELECT count() FROM {db}.events WHERE " + where, strings.Join(commands, ", "), e.table},
		deletion{"links", "SELECT count() FROM {db}.links WHERE " + e.unlinked(), "DELETE WHERE " + e.unlinked(), e.table},
	), nil
}

// loosen is the command that takes withdrawn purposes from the rows that stay, "" when
// there are none. There is a branch for each set of purposes that somebody in the
// batch has withdrawn.
func (e *Erasing) loosen(ctx context.Context) (string, error) {
	var masks []uint32
	if err := e.one(ctx, actCount, "SELECT groupUniqArray(mask) FROM (SELECT mask FROM {who}_kinds WHERE NOT goes UNION ALL SELECT mask FROM {who}_rows WHERE NOT goes)", &masks); err != nil {
		return "", err
	}
	if len(masks) == 0 {
		return "", nil
	}
	slices.Sort(masks)
	var branches []string
	for _, of := range []string{tuples, kinds} { // a window's row knows what was withdrawn without one
		for _, mask := range masks {
			branches = append(branches, fmt.Sprintf(of, "NOT goes AND mask = "+strconv.FormatUint(uint64(mask), 10)), "bitAnd(purposes, "+strconv.FormatUint(uint64(^mask), 10)+")")
		}
	}
	return "UPDATE purposes = multiIf(" + strings.Join(branches, ", ") + ", purposes) WHERE " + e.loosed(), nil
}

// mutation is one that was begun.
type mutation struct{ table, id, names string }

// mutation finds the last one on a table whose text names something.
func (s *Store) mutation(ctx context.Context, table, names string) (mutation, error) {
	m := mutation{table: table, names: names}
	err := s.conn.QueryRow(ctx, "SELECT max(mutation_id) FROM system.mutations WHERE database = ? AND table = ? AND position(command, ?) > 0 AND create_time = ("+
		"SELECT max(create_time) FROM system.mutations WHERE database = ? AND table = ? AND position(command, ?) > 0)",
		s.database, table, names, s.database, table, names).Scan(&m.id)
	if err != nil {
		return m, classify("look for a deletion", err)
	}
	return m, nil
}

// await waits until a mutation is done, or nobody knows of it any more. One that fails
// is called off, but for want of memory it is waited for a while.
func (s *Store) await(ctx context.Context, m mutation) error {
	const act = "watch a deletion"
	patience := time.Now().Add(memoryWait)
	for {
		var left uint64
		var reason string
		err := s.conn.QueryRow(ctx, "SELECT countIf(NOT is_done), anyIf(latest_fail_reason, NOT is_done) FROM system.mutations WHERE database = ? AND table = ? AND mutation_id = ?",
			s.database, m.table, m.id).Scan(&left, &reason)
		if err != nil {
			return classify(act, err)
		}
		if left == 0 {
			return nil
		}
		if code := codeOf(reason); reason != "" && (meanings[code].class != classMemory || time.Now().After(patience)) {
			return errors.Join(ErrMutation, failedMutation(act, reason), s.killOne(context.WithoutCancel(ctx), m))
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// memoryWait is for how long a mutation may want memory that others have.
const memoryWait = 5 * time.Minute

func (s *Store) killOne(ctx context.Context, m mutation) error {
	err := s.conn.Exec(ctx, "KILL MUTATION WHERE database = ? AND table = ? AND mutation_id = ? SYNC", s.database, m.table, m.id)
	return classifyOrNil("call a deletion off", err)
}

// failedMutation is the error of a mutation that says why it fails. A reason whose code
// cannot be read ("std::exception. ...") is a refusal too: the server was reached.
func failedMutation(act, reason string) *Error {
	e := &Error{Act: act, Code: codeOf(reason), detail: reason}
	if e.Code == 0 {
		e.own = errReason
	}
	return e
}

var errReason = errors.New("clickhouse says why in a way that has no code to be read")

var failCode = regexp.MustCompile(`^Code: (\d+)\.`)

// codeOf reads the server's code out of its text of a failure.
func codeOf(reason string) int32 {
	if found := failCode.FindStringSubmatch(reason); found != nil {
		if code, err := strconv.ParseInt(found[1], 10, 32); err == nil {
			return int32(code)
		}
	}
	return 0
}
