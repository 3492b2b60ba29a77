package activity

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Who is hidden stands in the table hidden, which is in the server's memory alone. The
// views of what is shown (visible_events and those for segments and decisions) show
// nothing at all until a row of nobody says that the table is full: a server that was
// started again shows nothing before Fill.

const hiddenTable = "hidden"

// Hide hides people at once. Again does no harm.
func (s *Store) Hide(ctx context.Context, subjects []event.Handle, what erase.What) error {
	return s.hide(ctx, hiddenTable, subjects, func(int) erase.What { return what })
}

func (s *Store) hide(ctx context.Context, table string, subjects []event.Handle, what func(i int) erase.What) error {
	const act = "hide people"
	if len(subjects) == 0 {
		return nil
	}
	names, bits := make([][]byte, len(subjects)), make([]uint8, len(subjects))
	for i := range subjects {
		if subjects[i].IsZero() {
			return classify(act, errValue) // the sign that the table is full
		}
		names[i], bits[i] = subjects[i][:], uint8(what(i))
	}
	return s.insertColumns(ctx, act, table, []string{"subject", "what"}, []any{names, bits})
}

// Show shows people again, from whatever they were hidden.
func (s *Store) Show(ctx context.Context, subjects []event.Handle) error {
	const act = "show people again"
	if len(subjects) == 0 {
		return nil
	}
	return s.withHidden(ctx, func(name string) error {
		if err := s.hide(ctx, name, subjects, func(int) erase.What { return 0 }); err != nil {
			return err
		}
		return s.exec(ctx, act, "ALTER TABLE {db}."+hiddenTable+" DELETE WHERE subject IN (SELECT subject FROM {db}."+name+") SETTINGS allow_nondeterministic_mutations = 1")
	})
}

// Hidden says whether the table is full, and how many people are hidden.
func (s *Store) Hidden(ctx context.Context) (filled bool, subjects int, err error) {
	var marks, people uint64
	err = s.conn.QueryRow(ctx, "SELECT countIf(subject = "+emptyHandle+"), uniqExactIf(subject, subject != "+emptyHandle+") FROM "+s.database+"."+hiddenTable).Scan(&marks, &people)
	return marks > 0, int(people), classifyOrNil("count hidden people", err)
}

// Fill makes those hidden that are given, and nobody else but whom Hide hides
// meanwhile, and then says that the table is full. They travel as data.
func (s *Store) Fill(ctx context.Context, all iter.Seq2[event.Handle, erase.What]) error {
	const act = "fill the table of hidden people"
	return s.withHidden(ctx, func(name string) error {
		var began int64
		if err := s.conn.QueryRow(ctx, "SELECT toUnixTimestamp64Milli(now64(3))").Scan(&began); err != nil {
			return classify(act, err)
		}
		if err := s.gather(ctx, name, all); err != nil {
			return err
		}
		for _, statement := range []string{
			"INSERT INTO {db}." + hiddenTable + " (subject, what) SELECT DISTINCT subject, what FROM {db}." + name + " WHERE (subject, what) NOT IN (SELECT subject, what FROM {db}." + hiddenTable + ")",
			fmt.Sprintf("ALTER TABLE {db}."+hiddenTable+" DELETE WHERE since < fromUnixTimestamp64Milli(%d) AND subject != "+emptyHandle+
				" AND (subject, what) NOT IN (SELECT subject, what FROM {db}."+name+") SETTINGS allow_nondeterministic_mutations = 1", began),
			"INSERT INTO {db}." + hiddenTable + " (subject, what) SELECT " + emptyHandle + ", 0 WHERE (SELECT count() FROM {db}." + hiddenTable + " WHERE subject = " + emptyHandle + ") = 0",
		} {
			if err := s.exec(ctx, act, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// gather stores those that are to be hidden beside the table.
func (s *Store) gather(ctx context.Context, name string, all iter.Seq2[event.Handle, erase.What]) error {
	var subjects []event.Handle
	var bits []erase.What
	flush := func() error {
		err := s.hide(ctx, name, subjects, func(i int) erase.What { return bits[i] })
		subjects, bits = subjects[:0], bits[:0]
		return err
	}
	for subject, what := range all {
		subjects, bits = append(subjects, subject), append(bits, what)
		if len(subjects) == hiddenAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

const (
	hiddenAtOnce = 65_536
	hiddenPrefix = hiddenTable + "_" // of tables that are there for a moment
)

// withHidden gives do a table like hidden, of its own.
func (s *Store) withHidden(ctx context.Context, do func(name string) error) (err error) {
	name := hiddenPrefix + fresh()
	if err := s.exec(ctx, "make a table of people to hide", "CREATE TABLE {db}."+name+" (subject FixedString(16), what UInt8) ENGINE = Memory"); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.exec(context.WithoutCancel(ctx), "drop a table of people to hide", "DROP TABLE IF EXISTS {db}."+name+" SYNC"))
	}()
	return do(name)
}
