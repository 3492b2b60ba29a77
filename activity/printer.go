package activity

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"strings"
	"unicode/utf8"
)

// printer writes an answer row by row.
type printer interface {
	head() error
	row(values []any) error
	foot() error
}

func newPrinter(f Format, out *bufio.Writer, names []string, kinds []kind) printer {
	t := table{out: out, names: names, kinds: kinds}
	switch f {
	case JSON:
		return &jsonPrinter{t}
	case CSV:
		return &csvPrinter{t, csv.NewWriter(out)}
	case Pretty:
		return &prettyPrinter{table: t}
	case TSV:
	}
	return &tsvPrinter{t}
}

type table struct {
	out   *bufio.Writer
	names []string
	kinds []kind
}

func (t *table) head() error { return nil }
func (t *table) foot() error { return nil }

// tsvPrinter writes rows alone, escaped as ClickHouse's TSV; NULL is \N.
type tsvPrinter struct{ table }

var tsvEscapes = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)

func (p *tsvPrinter) row(values []any) error {
	for i, v := range values {
		if i > 0 {
			_ = p.out.WriteByte('\t') // bufio keeps the first error for later
		}
		text := `\N`
		if plain := p.kinds[i].plain(v); plain != nil {
			text = tsvEscapes.Replace(cell(plain))
		}
		_, _ = p.out.WriteString(text)
	}
	return p.out.WriteByte('\n')
}

// jsonPrinter writes one object a line.
type jsonPrinter struct{ table }

func (p *jsonPrinter) row(values []any) error {
	for i, v := range values {
		_ = p.out.WriteByte("{,"[min(i, 1)])
		_, _ = p.out.Write(jsonOf(p.names[i]))
		_ = p.out.WriteByte(':')
		_, _ = p.out.Write(jsonOf(p.kinds[i].plain(v)))
	}
	_, err := p.out.WriteString("}\n")
	return err
}

// csvPrinter writes a line of names, then the rows (RFC 4180). NULL is \N.
type csvPrinter struct {
	table
	w *csv.Writer
}

func (p *csvPrinter) head() error { return p.w.Write(p.names) }

func (p *csvPrinter) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = `\N`
		if plain := p.kinds[i].plain(v); plain != nil {
			cells[i] = cell(plain)
		}
	}
	return p.w.Write(cells)
}

func (p *csvPrinter) foot() error {
	p.w.Flush()
	return p.w.Error()
}

// prettyBlock is how many rows are measured together for the widths.
const prettyBlock = 1000

// prettyPrinter writes aligned columns, block by block, so that an answer of
// any length streams.
type prettyPrinter struct {
	table
	rows   [][]string
	blocks int
}

func (p *prettyPrinter) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = "NULL"
		if plain := p.kinds[i].plain(v); plain != nil {
			cells[i] = tsvEscapes.Replace(cell(plain))
		}
	}
	if p.rows = append(p.rows, cells); len(p.rows) == prettyBlock {
		return p.block()
	}
	return nil
}

func (p *prettyPrinter) foot() error {
	if len(p.rows) > 0 || p.blocks == 0 {
		return p.block()
	}
	return nil
}

func (p *prettyPrinter) block() error {
	widths := make([]int, len(p.names))
	lines := append([][]string{p.names}, p.rows...)
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for n, line := range lines {
		for i, text := range line {
			if i > 0 {
				_, _ = p.out.WriteString(" | ")
			}
			pad := widths[i] - utf8.RuneCountInString(text)
			if i == len(line)-1 {
				pad = 0
			}
			_, _ = fmt.Fprintf(p.out, "%s%s", text, strings.Repeat(" ", pad))
		}
		_ = p.out.WriteByte('\n')
		if n == 0 {
			for i, width := range widths {
				if i > 0 {
					_, _ = p.out.WriteString("-+-")
				}
				_, _ = p.out.WriteString(strings.Repeat("-", width))
			}
			_ = p.out.WriteByte('\n')
		}
	}
	p.rows, p.blocks = p.rows[:0], p.blocks+1
	return nil
}
