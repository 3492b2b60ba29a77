package activity

import "context"

// Settle waits until no file has the rows any more: until the parts are gone that the
// deletion has replaced, and its own text, of which ClickHouse keeps the last. The
// embedded engine looks for what it can take away each 5 seconds, other servers twice
// a minute or so.
func (e *Erasing) Settle(ctx context.Context) error {
	tables := []string{"events", "links"}
	old := map[string][]string{}
	for _, table := range tables {
		listed, err := e.listed(ctx, table)
		if err != nil {
			return err
		}
		if listed > 0 { // this one's text pushes the last one out
			if err := e.do(ctx, "close a deletion", "ALTER TABLE {db}."+table+" DELETE WHERE 0"); err != nil {
				return err
			}
		}
		var names []string
		if err := e.store.conn.QueryRow(ctx, "SELECT groupArray(name) FROM system.parts WHERE database = ? AND table = ? AND NOT active AND rows > 0", e.store.database, table).Scan(&names); err != nil {
			return classify(actSettle, err)
		}
		old[table] = names
	}
	for _, table := range tables {
		for {
			done, err := e.settled(ctx, table, old[table])
			if err != nil {
				return err
			}
			if done {
				break
			}
			if err := pause(ctx, pollEvery); err != nil {
				return err
			}
		}
	}
	return nil
}

const actSettle = "wait until old parts are gone"

// settled says whether old parts are gone, and the text of the mutation.
func (e *Erasing) settled(ctx context.Context, table string, old []string) (bool, error) {
	listed, err := e.listed(ctx, table)
	if err != nil || listed > 0 {
		return false, err
	}
	if len(old) == 0 {
		return true, nil
	}
	var there uint64
	err = e.store.conn.QueryRow(ctx, "SELECT count() FROM system.parts WHERE database = ? AND table = ? AND NOT active AND has(?, name)", e.store.database, table, old).Scan(&there)
	return there == 0, classifyOrNil(actSettle, err)
}

// listed counts the mutations of a table that name whom to erase.
func (e *Erasing) listed(ctx context.Context, table string) (n uint64, err error) {
	err = e.store.conn.QueryRow(ctx, "SELECT count() FROM system.mutations WHERE database = ? AND table = ? AND position(command, ?) > 0", e.store.database, table, e.store.database+"."+erasingPrefix).Scan(&n)
	return n, classifyOrNil(actSettle, err)
}
