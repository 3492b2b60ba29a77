package export

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvWriter writes a zip with a file for each section, then the documents, each as
// what it is, then end.csv.
type csvWriter struct {
	zip  *zip.Writer
	made time.Time
	rows *csv.Writer
	sum  hash.Hash
	row  []string
	place

	open  bool
	files []Item // documents of the section that is open
	ends  [][]string
}

// NewCSV makes a writer of CSV files in a zip.
func NewCSV(w io.Writer) Writer { return &csvWriter{zip: zip.NewWriter(w)} }

func (w *csvWriter) Begin(h Head) error {
	w.made = h.Made
	if err := w.create("head.csv", []string{"zgoda_export", "site", "request", "made", "contact", "visitors"}); err != nil {
		return err
	}
	err := w.rows.Write([]string{"1", plain(h.Site), h.Request, h.Made.UTC().Format(time.RFC3339Nano), h.Subject.Contact, strconv.Itoa(h.Subject.Visitors)})
	if err != nil {
		return wrote(err)
	}
	return w.close("head.csv", 1)
}

func (w *csvWriter) create(name string, header []string) error {
	to, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.made.UTC()})
	if err != nil {
		return wrote(err)
	}
	w.sum = sha256.New()
	w.rows = csv.NewWriter(io.MultiWriter(to, w.sum))
	return wrote(w.rows.Write(header))
}

// close ends a file and notes what is in it.
func (w *csvWriter) close(name string, items int64) error {
	w.rows.Flush()
	if err := w.rows.Error(); err != nil {
		return wrote(err)
	}
	w.ends = append(w.ends, []string{name, strconv.FormatInt(items, 10), hex.EncodeToString(w.sum.Sum(nil))})
	return nil
}

func (w *csvWriter) Item(ctx context.Context, i Item) error {
	to, err := w.enter(&i)
	if err != nil {
		return err
	}
	if err := w.reach(ctx, to); err != nil {
		return err
	}
	w.row = w.row[:0]
	for _, v := range i.Values {
		s, safe, err := text(v)
		if err != nil {
			return err
		}
		if !safe {
			s = plain(s)
		}
		w.row = append(w.row, s)
	}
	if i.File != nil {
		w.files = append(w.files, i)
	}
	w.counts[w.at]++
	return wrote(w.rows.Write(w.row))
}

// reach ends the file that is open and begins all up to one; those between have a
// header alone.
func (w *csvWriter) reach(ctx context.Context, to int) error {
	for {
		if w.open && w.at == to {
			return nil
		}
		if w.open {
			if err := w.leave(ctx); err != nil {
				return err
			}
			if w.at == len(Sections) {
				return nil
			}
		}
		w.open = true
		if err := w.create(string(Sections[w.at])+".csv", Sections[w.at].Columns()); err != nil {
			return err
		}
	}
}

// leave ends a section, and writes its documents.
func (w *csvWriter) leave(ctx context.Context) error {
	if err := w.close(string(Sections[w.at])+".csv", w.counts[w.at]); err != nil {
		return err
	}
	for n := range w.files {
		name, _ := w.files[n].Values[len(w.files[n].Values)-1].(string)
		to, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: w.made.UTC()})
		if err != nil {
			return wrote(err)
		}
		w.sum = sha256.New()
		if err := w.files[n].File(ctx, io.MultiWriter(to, w.sum)); err != nil {
			return err
		}
		w.ends = append(w.ends, []string{name, "1", hex.EncodeToString(w.sum.Sum(nil))})
	}
	w.files = nil
	w.at, w.open = w.at+1, false
	return nil
}

func (w *csvWriter) End(ctx context.Context) error {
	if err := w.reach(ctx, len(Sections)); err != nil {
		return err
	}
	ends := w.ends
	if err := w.create("end.csv", []string{"file", "items", "sha256"}); err != nil {
		return err
	}
	if err := w.rows.WriteAll(ends); err != nil {
		return wrote(err)
	}
	return wrote(w.zip.Close())
}

// plain keeps a spreadsheet from reading a text as a formula: it puts ' before one
// that begins as formulas do, and before one that begins with ', so that exactly one
// is to be taken away again.
func plain(s string) string {
	for _, lead := range [...]string{"=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, lead) {
			return "'" + s
		}
	}
	return s
}
