package activity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// personal are the tables on disk that rows of people are in.
var personal = []string{"events", "links"}

// replicaSetting is the setting that lists the servers.
const replicaSetting = "clickhouse_replicas"

// UnlistedError says that there is, or may be, a copy of the rows that is not looked
// after.
type UnlistedError struct{ Reason string }

// Error says what is wrong and which setting mends it.
func (e *UnlistedError) Error() string { return e.Reason }

// Why is Error: it names servers and settings and nobody else.
func (e *UnlistedError) Why() string { return e.Reason }

// copied is what one server says of a table.
type copied struct {
	engine   string
	replica  string   // its own name, "" where the table is not replicated
	path     string   // in the keeper
	replicas []string // all that the keeper knows of
	readOnly bool     // it has lost the keeper
}

// tables of a server by name.
type copies map[string]copied

func (c copies) replicated(table string) bool { return c[table].replica != "" }

// copies asks a server of what kind its tables are.
func (s *Store) copies(ctx context.Context) (copies, error) {
	const act = "ask for the replicas of a table"
	rows, err := s.conn.Query(ctx, "SELECT t.name, t.engine, r.replica_name, r.zookeeper_path, arraySort(mapKeys(r.replica_is_active)), toUInt8(r.is_readonly) FROM system.tables AS t "+
		"LEFT JOIN (SELECT * FROM system.replicas WHERE database = ?) AS r ON r.table = t.name WHERE t.database = ? AND has(?, t.name) SETTINGS join_use_nulls = 0", s.database, s.database, personal)
	if err != nil {
		return nil, classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	out := copies{}
	for rows.Next() {
		var name string
		var c copied
		var readOnly uint8
		if err := rows.Scan(&name, &c.engine, &c.replica, &c.path, &c.replicas, &readOnly); err != nil {
			return nil, classify(act, err)
		}
		c.readOnly = readOnly > 0
		out[name] = c
	}
	return out, classifyOrNil(act, rows.Err())
}

// listed returns an UnlistedError unless every copy of the tables is on one of the
// servers that said this.
func listed(names []string, all []copies) error {
	for _, table := range personal {
		known := map[string][]string{} // names by path
		for i, c := range all {
			t, there := c[table]
			switch {
			case !there:
				return &UnlistedError{fmt.Sprintf("%s has no table %s", names[i], table)}
			case !strings.HasSuffix(t.engine, "MergeTree") || strings.HasPrefix(t.engine, "Shared"):
				return &UnlistedError{fmt.Sprintf("the table %s on %s has the engine %s, whose copies cannot be looked into one by one", table, names[i], t.engine)}
			case strings.HasPrefix(t.engine, "Replicated") && (t.readOnly || len(t.replicas) == 0):
				return &UnlistedError{fmt.Sprintf("the table %s on %s is replicated and cannot reach its keeper, so that nobody knows which replicas it has", table, names[i])}
			case t.replica != "":
				known[t.path] = append(known[t.path], t.replica)
			}
		}
		for _, c := range all {
			t := c[table]
			for _, replica := range t.replicas {
				if !slices.Contains(known[t.path], replica) {
					return &UnlistedError{fmt.Sprintf("the table %s has a replica %q on a server that %s does not list: list it, or drop the replica", table, replica, replicaSetting)}
				}
			}
		}
		for _, path := range slices.Sorted(maps.Keys(known)) {
			if list := slices.Sorted(slices.Values(known[path])); len(slices.Compact(slices.Clone(list))) < len(list) {
				return &UnlistedError{fmt.Sprintf("two addresses of %s and clickhouse are the same replica of the table %s", replicaSetting, table)}
			}
		}
	}
	return nil
}

// kinds asks each server, and refuses copies that nobody looks after.
func (s *Servers) kinds(ctx context.Context) ([]copies, error) {
	all := make([]copies, len(s.all))
	err := s.each(ctx, func(ctx context.Context, i int, one *Store) (err error) {
		if err := s.usable(i); err != nil {
			return err
		}
		all[i], err = one.copies(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, listed(s.Names(), all)
}

// syncReplicas waits until replicated tables have what was inserted into any of them.
func (s *Servers) syncReplicas(ctx context.Context, kinds []copies) error {
	return s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		for _, table := range personal {
			if !kinds[i].replicated(table) {
				continue
			}
			if err := one.exec(ctx, "wait for replication", "SYSTEM SYNC REPLICA {db}."+table); err != nil {
				return err
			}
		}
		return nil
	})
}

// appearWithin is for how long a mutation may take to reach another replica.
const appearWithin = time.Minute

var errNotFollowing = errors.New("it does not follow the other replicas")

// appears waits until a replica knows of a mutation of another, or of a later one.
func (s *Store) appears(ctx context.Context, m mutation) error {
	const act = "wait for a deletion to reach a replica"
	within, stop := context.WithTimeoutCause(ctx, appearWithin, errNotFollowing)
	defer stop()
	for {
		var n uint64
		if err := s.conn.QueryRow(ctx, "SELECT count() FROM system.mutations WHERE database = ? AND table = ? AND mutation_id >= ?", s.database, m.table, m.id).Scan(&n); err != nil {
			return classify(act, err)
		}
		if n > 0 {
			return nil
		}
		if err := pause(within, pollEvery); errors.Is(err, errNotFollowing) {
			return &Error{Act: act} // as one that cannot be reached: it passes
		} else if err != nil {
			return err
		}
	}
}

// reaches waits until a mutation of a replicated table has come to its end on a replica.
func (s *Store) reaches(ctx context.Context, m mutation) error {
	if err := s.appears(ctx, m); err != nil {
		return err
	}
	return s.await(ctx, m)
}
