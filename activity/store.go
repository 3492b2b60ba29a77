package activity

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Store is a ClickHouse that keeps activity. It reconnects by itself.
type Store struct {
	config   Config
	options  *clickhouse.Options
	database string
	conn     driver.Conn
	sheets   chan *sheet // kept between inserts; a pool would lose them at each collection

	insertEvents string // the statement of Insert
}

// keptSheets is how many sheets are kept. One is used only while it is filled, so
// that even several inserts at once rarely need more.
const keptSheets = 2

// sheet returns a kept sheet, or a new one.
func (s *Store) sheet() *sheet {
	select {
	case page := <-s.sheets:
		return page
	default:
		return new(sheet)
	}
}

// keep keeps a sheet if there is room.
func (s *Store) keep(page *sheet) {
	select {
	case s.sheets <- page:
	default:
	}
}

// Open makes a store. It connects when first used, so a server that is away
// is no error here.
func Open(_ context.Context, config Config) (*Store, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	options, database, err := config.options()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, errors.New("open clickhouse: the address or an option is wrong") // the cause may repeat a DSN
	}
	s := &Store{
		config: config, options: options, database: database, conn: conn,
		sheets: make(chan *sheet, keptSheets),
	}
	s.insertEvents = s.insertInto("events", eventColumns[:])
	return s, nil
}

// options turns a configuration into the driver's. No database is named at
// login: before the first migration there is none, and a login that fails is
// costly on the embedded engine.
func (c Config) options() (*clickhouse.Options, string, error) {
	options := &clickhouse.Options{
		Addr: []string{c.Address},
		Auth: clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password},
	}
	if c.DSN != "" {
		var err error
		if options, err = clickhouse.ParseDSN(c.DSN); err != nil {
			return nil, "", errors.New("clickhouse: dsn must be clickhouse://USER:PASSWORD@HOST:PORT/DATABASE")
		}
	}
	database := options.Auth.Database
	if database == "" || c.DSN != "" && database == "default" {
		database = "zgoda"
	}
	if !validName(database) {
		return nil, "", errors.New("clickhouse: database must be letters, digits and _")
	}
	options.Auth.Database = ""
	options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	if c.DSN == "" { // the embedded engine: loopback is cheaper than compressing for it
		options.Compression.Method = clickhouse.CompressionNone
	}
	options.DialTimeout, options.ReadTimeout = c.DialTimeout, c.QueryTimeout
	options.MaxOpenConns, options.MaxIdleConns = c.MaxConnections, c.MaxConnections
	return options, database, nil
}

// Close ends all connections. Twice is fine.
func (s *Store) Close() error {
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("close clickhouse: %w", err)
	}
	return nil
}

// Ping asks the server for an answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.conn.Ping(ctx); err != nil {
		return classify("ping clickhouse", err)
	}
	return nil
}
