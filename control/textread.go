package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrNoStore is returned where there is no control store yet that could have texts.
var ErrNoStore = errors.New("there is no control store yet")

// ReadTexts reads the texts of all sites without opening the store, also beside a
// process that has it open. It changes nothing.
func ReadTexts(ctx context.Context, cfg Config) (texts []Text, err error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	db, err := peek(cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'text'`
	if cfg.Address != "" {
		query = `SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'text'`
	}
	var tables int
	if err := db.QueryRowContext(ctx, query).Scan(&tables); err != nil {
		return nil, fmt.Errorf("read the texts: %w", withoutAddress(err))
	}
	if tables == 0 {
		return nil, ErrNoStore
	}
	return readTexts(ctx, db)
}

func peek(cfg Config) (*sql.DB, error) {
	if cfg.Address != "" {
		parsed, err := pgx.ParseConfig(cfg.Address)
		if err != nil {
			return nil, ErrAddress
		}
		parsed.ConnectTimeout = cfg.Timeout
		return stdlib.OpenDB(*parsed), nil
	}
	if _, err := os.Stat(cfg.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoStore
	}
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?mode=ro&_pragma=busy_timeout(%d)&_pragma=query_only(1)",
		(&url.URL{Path: cfg.Path}).EscapedPath(), cfg.Busy.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("open the control store: %w", err)
	}
	return db, nil
}
