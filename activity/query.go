package activity

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrFunction is returned for a statement that names a function that reaches
// outside the database.
var ErrFunction = errors.New("the statement uses a function that reads outside the database, which is not allowed here")

// outside are the functions and table functions that reach files, programs and
// other machines. The scalar ones need no grant on the embedded engine; the
// others would hang on connections that its confinement does not let through.
var outside = []string{
	"file", "fileCluster", "catboostEvaluate", "executable", "url", "urlCluster", "s3", "s3Cluster", "gcs",
	"azureBlobStorage", "azureBlobStorageCluster", "hdfs", "hdfsCluster", "remote", "remoteSecure", "cluster",
	"clusterAllReplicas", "mysql", "postgresql", "mongodb", "redis", "sqlite", "odbc", "jdbc", "arrowFlight", "ytsaurus",
	"iceberg", "icebergS3", "icebergAzure", "icebergHDFS", "icebergLocal", "deltaLake", "deltaLakeS3", "deltaLakeAzure",
	"deltaLakeLocal", "hudi", "paimon", "prometheusQuery",
}

// Query runs one statement that reads and streams its answer to w. A statement
// that would change anything is refused by the server (code 164), whoever asks.
// Unqualified tables are those of the store's database. The server's own text of an error is in (*Error).Detail.
func (s *Store) Query(ctx context.Context, sql string, w io.Writer, format Format) error {
	const act = "run the statement"
	options := *s.options
	// The login names the database, since the driver may change connections
	// between two statements. It must be there: the embedded engine ends when a
	// login names one that is not.
	var databases uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = $1", s.database).Scan(&databases); err != nil {
		return classify("look for the database", err)
	}
	if databases > 0 {
		options.Auth.Database = s.database
	}
	options.Settings = maps.Clone(options.Settings)
	if options.Settings == nil {
		options.Settings = clickhouse.Settings{}
	}
	options.Settings["readonly"] = 2 // nothing is changed but settings of the query itself
	conn, err := clickhouse.Open(&options)
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = conn.Close() }()
	sql = strings.TrimRight(strings.TrimSpace(sql), "; \n\t")
	if err := checkFunctions(ctx, conn, sql); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	if len(rows.Columns()) == 0 {
		return classifyOrNil(act, drain(rows))
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := write(rows, out, format); err != nil {
		return classify(act, err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

func classifyOrNil(act string, err error) error {
	if err == nil {
		return nil
	}
	return classify(act, err)
}

func drain(rows driver.Rows) error {
	for rows.Next() {
	}
	return rows.Err()
}

// checkFunctions asks the server to parse the statement, without running it,
// and looks through the tree for functions that read files. The grants of this
// engine know no such functions.
func checkFunctions(ctx context.Context, conn driver.Conn, sql string) error {
	const act = "parse the statement"
	rows, err := conn.Query(ctx, explainPrefix+sql)
	if err != nil {
		return placed(classify(act, err))
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return classify(act, err)
		}
		for _, name := range outside {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Function "); ok {
				if called, _, _ := strings.Cut(rest, " "); strings.EqualFold(called, name) {
					return ErrFunction
				}
			}
		}
	}
	return classifyOrNil(act, rows.Err())
}

const explainPrefix = "EXPLAIN AST "

var position = regexp.MustCompile(`position (\d+)`)

// placed tells the place of a syntax error as the person who typed the
// statement counts it, without our prefix.
func placed(err error) error {
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	refused.detail = position.ReplaceAllStringFunc(refused.detail, func(text string) string {
		n, err := strconv.Atoi(text[len("position "):])
		if err != nil || n <= len(explainPrefix) {
			return text
		}
		return "position " + strconv.Itoa(n-len(explainPrefix))
	})
	return err
}

// write streams the rows in one format.
func write(rows driver.Rows, out *bufio.Writer, format Format) error {
	names, types := rows.Columns(), rows.ColumnTypes()
	targets, kinds := make([]any, len(types)), make([]kind, len(types))
	for i, t := range types {
		targets[i], kinds[i] = reflect.New(t.ScanType()).Interface(), parseKind(t.DatabaseTypeName())
	}
	p := newPrinter(format, out, names, kinds)
	if err := p.head(); err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		values := make([]any, len(targets))
		for i, t := range targets {
			values[i] = reflect.ValueOf(t).Elem().Interface()
		}
		if err := p.row(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return p.foot()
}
