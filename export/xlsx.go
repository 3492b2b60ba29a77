package export

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"time"
)

// The bounds of a sheet (ECMA-376, and what readers take).
const (
	sheetRows = 1 << 20 // 1,048,576
	cellUnits = 32_767  // UTF-16 code units of a cell
)

// xlsxWriter writes a workbook with a sheet for each section, or several for one with
// more rows than a sheet has. All cells are texts: none is read as a formula. It is
// written here, since libraries keep the rows of a sheet in a file of their own.
type xlsxWriter struct {
	zip  *zip.Writer
	made time.Time
	out  *bufio.Writer
	place

	open   bool
	rows   int // in the sheet that is open
	sheets []string
	max    int // rows of a sheet
}

// NewXLSX makes a writer of a workbook. The bytes of documents are not in it.
func NewXLSX(w io.Writer) Writer { return &xlsxWriter{zip: zip.NewWriter(w), max: sheetRows} }

const (
	xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	nsMain  = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	nsRel   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	nsPack  = "http://schemas.openxmlformats.org/package/2006/"

	contentTypes = xmlHead + `<Types xmlns="` + nsPack + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`
	packRels = xmlHead + `<Relationships xmlns="` + nsPack + `relationships">` +
		`<Relationship Id="rId1" Type="` + nsRel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	sheetHead = xmlHead + `<worksheet xmlns="` + nsMain + `"><sheetData>`
	sheetFoot = `</sheetData></worksheet>`
)

func (w *xlsxWriter) Begin(h Head) error {
	w.made = h.Made.UTC()
	if err := w.part("[Content_Types].xml", contentTypes); err != nil {
		return err
	}
	if err := w.part("_rels/.rels", packRels); err != nil {
		return err
	}
	if err := w.sheet("head"); err != nil {
		return err
	}
	w.row([]string{"zgoda_export", "site", "request", "made", "contact", "visitors"})
	w.row([]string{"1", h.Site, h.Request, w.made.Format(time.RFC3339Nano), h.Subject.Contact, strconv.Itoa(h.Subject.Visitors)})
	return w.foot()
}

func (w *xlsxWriter) create(name string) error {
	to, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.made})
	if err == nil {
		w.out = bufio.NewWriterSize(to, 32<<10)
	}
	return wrote(err)
}

func (w *xlsxWriter) part(name, content string) error {
	if err := w.create(name); err != nil {
		return err
	}
	_, _ = w.out.WriteString(content) // Flush returns the error
	return wrote(w.out.Flush())
}

// sheet begins a sheet.
func (w *xlsxWriter) sheet(name string) error {
	w.sheets, w.rows = append(w.sheets, name), 0
	if err := w.create(fmt.Sprintf("xl/worksheets/sheet%d.xml", len(w.sheets))); err != nil {
		return err
	}
	_, err := w.out.WriteString(sheetHead)
	return wrote(err)
}

func (w *xlsxWriter) foot() error {
	_, _ = w.out.WriteString(sheetFoot) // Flush returns the error
	return wrote(w.out.Flush())
}

// row writes cells. A text that is longer than a cell may be goes on in cells after
// the last.
func (w *xlsxWriter) row(cells []string) {
	w.rows++
	_, _ = fmt.Fprintf(w.out, `<row r="%d">`, w.rows)
	var rest []string
	for n, s := range cells {
		first, more := cut(s)
		w.cell(n, first)
		for more != "" {
			first, more = cut(more)
			rest = append(rest, first)
		}
	}
	for n, s := range rest {
		w.cell(len(cells)+n, s)
	}
	_, _ = w.out.WriteString("</row>") // Flush returns the error, as above
}

func (w *xlsxWriter) cell(n int, s string) {
	if s == "" {
		return
	}
	_, _ = fmt.Fprintf(w.out, `<c r="%s%d" t="inlineStr"><is><t xml:space="preserve">`, column(n), w.rows)
	_ = xml.EscapeText(w.out, []byte(s)) // the error comes again with Flush
	_, _ = w.out.WriteString("</t></is></c>")
}

// column is the name of a column: A to Z, AA and so on.
func column(n int) string {
	name := string(rune('A' + n%26))
	for n = n/26 - 1; n >= 0; n = n/26 - 1 {
		name = string(rune('A'+n%26)) + name
	}
	return name
}

// cut cuts a text where a cell is full.
func cut(s string) (cell, rest string) {
	if len(s) <= cellUnits {
		return s, ""
	}
	units := 0
	for at, r := range s {
		size := 1
		if r > 0xffff {
			size = 2
		}
		if units += size; units > cellUnits {
			return s[:at], s[at:]
		}
	}
	return s, ""
}

func (w *xlsxWriter) Item(_ context.Context, i Item) error {
	to, err := w.enter(&i)
	if err != nil {
		return err
	}
	if err := w.reach(to); err != nil {
		return err
	}
	if w.rows == w.max {
		if err := w.foot(); err != nil {
			return err
		}
		if err := w.begin(fmt.Sprintf("%s %d", i.Section, w.counts[w.at]/int64(w.max-1)+1)); err != nil {
			return err
		}
	}
	cells := make([]string, len(i.Values))
	for n, v := range i.Values {
		s, _, err := text(v)
		if err != nil {
			return err
		}
		cells[n] = s
	}
	w.row(cells)
	w.counts[w.at]++
	return nil
}

// begin begins a sheet of the section that is open, with its header.
func (w *xlsxWriter) begin(name string) error {
	if err := w.sheet(name); err != nil {
		return err
	}
	w.row(Sections[w.at].Columns())
	return nil
}

// reach ends the sheet that is open and begins all up to one.
func (w *xlsxWriter) reach(to int) error {
	for {
		if w.open && w.at == to {
			return nil
		}
		if w.open {
			if err := w.foot(); err != nil {
				return err
			}
			w.at, w.open = w.at+1, false
			if w.at == len(Sections) {
				return nil
			}
		}
		w.open = true
		if err := w.begin(string(Sections[w.at])); err != nil {
			return err
		}
	}
}

func (w *xlsxWriter) End(context.Context) error {
	if err := w.reach(len(Sections)); err != nil {
		return err
	}
	if err := w.sheet("end"); err != nil {
		return err
	}
	w.row([]string{"section", "items"})
	for n, s := range Sections {
		w.row([]string{string(s), strconv.FormatInt(w.counts[n], 10)})
	}
	if err := w.foot(); err != nil {
		return err
	}
	book, rels := xmlHead+`<workbook xmlns="`+nsMain+`" xmlns:r="`+nsRel+`"><sheets>`, xmlHead+`<Relationships xmlns="`+nsPack+`relationships">`
	for n, name := range w.sheets {
		book += fmt.Sprintf(`<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, name, n+1, n+1)
		rels += fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n+1, nsRel, n+1)
	}
	if err := w.part("xl/workbook.xml", book+`</sheets></workbook>`); err != nil {
		return err
	}
	if err := w.part("xl/_rels/workbook.xml.rels", rels+`</Relationships>`); err != nil {
		return err
	}
	return wrote(w.zip.Close())
}
