package activity

import (
	"bytes"
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// textColumn fills one text column of a batch, String or LowCardinality(String),
// whichever the table has.
type textColumn struct {
	into  column.Interface
	plain *column.String // nil: the column has a dictionary
	value []byte         // given to plain by its address, so that nothing is allocated
	words dictionary

	rows, bytes int // of the batch so far, or of the one before
}

// begin starts a batch of so many rows. Room is a buffer for all columns.
func (t *textColumn) begin(into column.Interface, rows int, room *[]byte) error {
	t.into = into
	switch c := into.(type) {
	case *column.String:
		t.plain = c
		if err := t.reserve(rows, room); err != nil {
			return err
		}
	case *column.LowCardinality:
		if c.Type() != "LowCardinality(String)" {
			return errColumn
		}
		t.plain = nil
		t.words.begin()
	default:
		return errColumn
	}
	return nil
}

// maxRoom is the most that is reserved at once.
const maxRoom = 32 << 20

// reserve lets the driver's column, which is new for each batch, allocate once and
// not bit by bit: it keeps its room when it is emptied. Rows are taken to be a
// little longer than those of the batch before.
func (t *textColumn) reserve(rows int, room *[]byte) error {
	need := 0
	if t.rows > 0 {
		need = min(maxRoom, int(float64(rows)*float64(t.bytes)/float64(t.rows)*1.1))
	}
	t.rows, t.bytes = 0, 0
	if need == 0 {
		return nil
	}
	if cap(*room) < need {
		*room = make([]byte, need)
	}
	t.value = (*room)[:need]
	if err := t.plain.AppendRow(&t.value); err != nil {
		return err
	}
	t.plain.Reset()
	return nil
}

// add appends a value.
func (t *textColumn) add(value []byte) error {
	if t.plain == nil {
		t.words.add(value)
		return nil
	}
	t.rows++
	t.bytes += len(value)
	t.value = value
	return t.plain.AppendRow(&t.value)
}

// end hands a column with a dictionary to the driver.
func (t *textColumn) end(w *wire) error {
	if t.plain != nil {
		t.value = nil
		return nil
	}
	return w.decode(t.into, t.words.encode(), len(t.words.keys))
}

// maxWords is how many words a dictionary may remember between batches.
const maxWords = 1 << 14

// dictionary numbers the words of one column of a batch. The map is kept, so that
// a word that comes batch after batch is allocated once.
type dictionary struct {
	words map[string]*word
	batch uint32
	count uint32 // words of this batch, the empty one included
	list  []byte // the words of this batch in their order, as a column of the protocol
	keys  []uint32
	last  []byte // the word before, which often comes again
	key   uint32 // its number
	out   []byte
}

// word is the number of a word in the batch that had it last.
type word struct{ batch, key uint32 }

// begin starts a batch. Number 0 is the empty word, as the protocol wants it.
func (d *dictionary) begin() {
	if d.words == nil || len(d.words) > maxWords {
		d.words = map[string]*word{}
	}
	d.batch++
	d.count, d.list, d.keys = 1, append(d.list[:0], 0), d.keys[:0]
	d.last, d.key = nil, 0
}

// add appends a value, which must stay as it is until the batch ends.
func (d *dictionary) add(value []byte) {
	if !bytes.Equal(value, d.last) {
		d.last, d.key = value, d.number(value)
	}
	d.keys = append(d.keys, d.key)
}

func (d *dictionary) number(value []byte) uint32 {
	if len(value) == 0 {
		return 0
	}
	w := d.words[string(value)]
	if w == nil {
		w = &word{}
		d.words[string(value)] = w
	}
	if w.batch != d.batch {
		w.batch, w.key = d.batch, d.count
		d.count++
		d.list = append(binary.AppendUvarint(d.list, uint64(len(value))), value...)
	}
	return w.key
}

// The head of a column with a dictionary: the words follow, the dictionary is the
// block's own, and the width of the keys.
const (
	ownDictionary = 1<<9 | 1<<10
	width8        = 0
	width16       = 1
	width32       = 2
)

// encode writes the column as the protocol has it. It is good until the next call.
func (d *dictionary) encode() []byte {
	width := uint64(width32)
	switch {
	case d.count <= 1<<8:
		width = width8
	case d.count <= 1<<16:
		width = width16
	}
	b := binary.LittleEndian.AppendUint64(d.out[:0], ownDictionary|width)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.count))
	b = append(b, d.list...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(d.keys)))
	for _, k := range d.keys {
		switch width {
		case width8:
			b = append(b, byte(k))
		case width16:
			b = binary.LittleEndian.AppendUint16(b, uint16(k))
		default:
			b = binary.LittleEndian.AppendUint32(b, k)
		}
	}
	d.out, d.last = b, nil
	return b
}

// wire gives the driver a column as the protocol has it, by the way on which it
// reads columns from a server: no value is looked at one by one.
type wire struct {
	from   bytes.Reader
	reader *proto.Reader
}

func (w *wire) decode(into column.Interface, b []byte, rows int) error {
	if w.reader == nil {
		w.reader = proto.NewReader(&w.from)
	}
	w.from.Reset(b)
	defer w.from.Reset(nil)
	if err := into.Decode(w.reader, rows); err != nil {
		w.reader = nil // it may hold a rest
		return err
	}
	return nil
}
