package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// faultError is what is wrong with one row.
type faultError struct{ field, reason string }

// Error names the field and the reason.
func (f *faultError) Error() string { return f.field + ": " + f.reason }

func fault(field, reason string) *faultError { return &faultError{field, reason} }

// maxRow is the longest row, in bytes: one quote that is never closed would make
// a row of the rest of the file.
const maxRow = 64 << 10

// ErrRow is returned when a row never ends.
var ErrRow = errors.New("a row is longer than 64 KiB: is a quote not closed?")

// reader gives rows by the names of their columns.
type reader struct {
	csv     *csv.Reader
	source  *bounded
	columns []string
}

// bounded gives so many bytes and then an error, until it is given more.
type bounded struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrRow
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// newReader reads the header. The separator is a comma, or the semicolon that
// some spreadsheets write.
func newReader(file io.Reader) (*reader, error) {
	source := &bounded{from: file, left: 2 * maxRow}
	buffered := bufio.NewReaderSize(source, 16<<10)
	if head, _ := buffered.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3) // it was just seen
	}
	first, _ := buffered.Peek(4 << 10) // what fails is met again below
	line, _, _ := bytes.Cut(first, []byte("\n"))
	r := csv.NewReader(buffered)
	if !bytes.ContainsRune(line, ',') && bytes.ContainsRune(line, ';') {
		r.Comma = ';'
	}
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	names, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w (it cannot be read as CSV)", ErrHeader)
	}
	in := &reader{csv: r, source: source}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("%w (column %d is none of %s)", ErrHeader, i+1, strings.Join(columns, ", "))
		}
		if slices.Contains(in.columns, name) {
			return nil, fmt.Errorf("%w (%s is there twice)", ErrHeader, name)
		}
		in.columns = append(in.columns, name)
	}
	for _, name := range needed {
		if !slices.Contains(in.columns, name) {
			return nil, fmt.Errorf("%w (%s is missing)", ErrHeader, name)
		}
	}
	return in, nil
}

// next returns the next row. A *faultError is about this row alone.
func (r *reader) next() (fields map[string]string, line int, err error) {
	r.source.left = 2 * maxRow
	values, err := r.csv.Read()
	if broken, ok := errors.AsType[*csv.ParseError](err); ok && !errors.Is(err, ErrRow) {
		return nil, broken.StartLine, fault("row", "cannot be read as CSV")
	}
	if errors.Is(err, io.EOF) {
		return nil, 0, io.EOF
	}
	if err != nil {
		at, _ := r.csv.FieldPos(0)
		return nil, 0, fmt.Errorf("read the file after line %d: %w", at, err)
	}
	line, _ = r.csv.FieldPos(0)
	if len(values) != len(r.columns) {
		return nil, line, fault("row", fmt.Sprintf("has %d fields, not %d", len(values), len(r.columns)))
	}
	fields = make(map[string]string, len(values))
	for i, value := range values {
		if !utf8.ValidString(value) {
			return nil, line, fault(r.columns[i], "is not UTF-8")
		}
		fields[r.columns[i]] = strings.TrimSpace(value)
	}
	return fields, line, nil
}
