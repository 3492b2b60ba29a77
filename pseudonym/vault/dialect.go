package vault

import (
	"context"
	"database/sql"

	"zgoda/pseudonym/keyring"
)

// dialect is what differs between the databases.
type dialect interface {
	// shared says whether other keyholders write as well.
	shared() bool
	// begin is the first in each transaction that writes. When it returns, nobody
	// else writes until the transaction has ended.
	begin(ctx context.Context, tx *sql.Tx) error
	// reading are the options of a transaction that only reads.
	reading() *sql.TxOptions
	// numbers returns n contact numbers that were never used.
	numbers(ctx context.Context, tx *sql.Tx, n int) ([]ContactID, error)
	// contacts writes new contacts.
	contacts(ctx context.Context, tx *sql.Tx, rows []row) error
	// identifiers writes new identifiers.
	identifiers(ctx context.Context, tx *sql.Tx, rows []identifier) error
	// find returns where indexes lead, those that lead somewhere. It is not asked of
	// a database that nobody else writes: memory knows.
	find(ctx context.Context, q querier, indexes []keyring.Index) ([]found, error)
	// clear sees to it that what committed transactions took away is in no file. Nobody
	// writes meanwhile.
	clear(ctx context.Context, db *sql.DB) error
	// changed tells the other keyholders that what they know of contacts is no
	// longer so.
	changed(ctx context.Context, tx *sql.Tx, ids ...ContactID) error
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// identifier is one as it is stored.
type identifier struct {
	index   keyring.Index
	contact ContactID
	made    Made
}

// found is where an index leads.
type found struct {
	index keyring.Index
	to    row
}
