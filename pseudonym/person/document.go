package person

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"zgoda/pseudonym/vault"
)

// ChunkSize is how much of a document is sealed in one piece.
const ChunkSize = 64 << 10

// group is how many pieces are written, or read, in one transaction.
const group = 16

// abandoned is how long after its beginning a document that was not received
// whole is taken away.
const abandoned = time.Hour

// Bounds of what is said of a document, in bytes.
const (
	MaxDocumentName = 255
	MaxDocumentType = 100
)

// Document is what is known of a document. It prints as [redacted].
type Document struct {
	ID            [16]byte
	Name, Type    string // its name, its media type
	Bytes         int64  // of a new one: what was announced, or 0
	Source, Basis string
	Seen          time.Time
	Complete      bool
}

// Format writes "[redacted]" under every verb.
func (Document) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Document) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes it.
func (Document) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (d *Document) check() error {
	if !plain(d.Name, MaxDocumentName) || !plain(d.Type, MaxDocumentType) || !plain(d.Source, MaxSource) ||
		(d.Basis != "" && !plain(d.Basis, MaxBasis)) || d.Bytes < 0 || d.Seen.Before(time.UnixMilli(0)) {
		return ErrDocument
	}
	return nil
}

const documentKey = 32

// head is what is sealed of a document beside its pieces.
type head struct {
	key   [documentKey]byte // of the pieces
	begun time.Time
	Document
}

func (h *head) encode() []byte {
	b := append(begin(codeDocument), h.key[:]...)
	b = appendTime(b, h.begun)
	for _, text := range []string{h.Name, h.Type, h.Source, h.Basis} {
		b = appendText(b, text)
	}
	return padded(appendTime(b, h.Seen))
}

func decodeHead(b []byte) (h head, err error) {
	f := fieldsOf(b, codeDocument)
	copy(h.key[:], f.take(documentKey))
	h.begun = f.time()
	h.Name, h.Type, h.Source, h.Basis = f.text(MaxDocumentName), f.text(MaxDocumentType), f.text(MaxSource), f.text(MaxBasis)
	h.Seen = f.time()
	if err := f.end(); err != nil {
		return head{}, err
	}
	if h.check() != nil {
		return head{}, errCode
	}
	return h, nil
}

// useOf ties a head to its document and contact.
func useOf(document [16]byte) string { return "document " + string(document[:]) }

func (k *kept) open(row vault.Head) (head, error) {
	plain, err := k.sealer.open(useOf(row.ID), row.Sealed)
	if err != nil {
		return head{}, err
	}
	defer clear(plain)
	h, err := decodeHead(plain)
	if err != nil {
		return head{}, ErrSealed
	}
	h.ID, h.Bytes, h.Complete = row.ID, row.Bytes, row.Complete
	return h, nil
}

func (k *kept) heads() ([]head, error) {
	rows, err := k.Attachments()
	if err != nil {
		return nil, err
	}
	heads := make([]head, len(rows))
	for i, row := range rows {
		if heads[i], err = k.open(row); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

func (k *kept) documents() ([]Document, error) {
	heads, err := k.heads()
	list := make([]Document, len(heads))
	for i := range heads {
		list[i] = heads[i].Document
	}
	return list, err
}

func (k *kept) writeHead(h *head) error {
	return k.PutHead(vault.Head{ID: h.ID, Sealed: k.sealer.seal(useOf(h.ID), h.encode()), Bytes: h.Bytes, Complete: h.Complete})
}

// pieces seal the parts of a document. Its nonce is its number, since the key is used
// for this document alone and each part is sealed once.
type pieces struct{ h *head }

func (p pieces) bind(n uint32, last bool) (nonce, bind []byte) {
	nonce = binary.BigEndian.AppendUint32(make([]byte, 8, 12), n)
	bind = binary.BigEndian.AppendUint32(append([]byte("zgoda person piece "), p.h.ID[:]...), n)
	if last {
		return nonce, append(bind, 1)
	}
	return nonce, append(bind, 0)
}

func (p pieces) seal(n uint32, last bool, part []byte) ([]byte, error) {
	aead, err := gcm(p.h.key[:])
	if err != nil {
		return nil, err
	}
	nonce, bind := p.bind(n, last)
	return aead.Seal(nil, nonce, part, bind), nil
}

func (p pieces) open(n uint32, last bool, sealed []byte) ([]byte, error) {
	aead, err := gcm(p.h.key[:])
	if err != nil {
		return nil, err
	}
	nonce, bind := p.bind(n, last)
	part, err := aead.Open(nil, nonce, sealed, bind)
	if err != nil {
		return nil, ErrSealed
	}
	return part, nil
}

// count returns how many pieces a document has.
func (d *Document) count() uint32 { return uint32((d.Bytes + ChunkSize - 1) / ChunkSize) }

// Attach keeps a document with a contact, as it is read. If it cannot be read to
// its end, or is too large, nothing of it stays.
func (p *People) Attach(ctx context.Context, id vault.ContactID, d Document, from io.Reader) ([16]byte, error) {
	announced := d.Bytes
	h := head{begun: p.now(), Document: d}
	if h.Seen.IsZero() {
		h.Seen = h.begun
	}
	if err := h.check(); err != nil {
		return h.ID, err
	}
	if announced > p.limits.Document {
		return h.ID, ErrTooLarge
	}
	_, _ = rand.Read(h.ID[:]) // never fails
	_, _ = rand.Read(h.key[:])
	defer clear(h.key[:])
	h.Bytes, h.Complete = 0, false
	room, err := p.beginDocument(ctx, id, &h)
	if err != nil {
		return [16]byte{}, explainDocument(err)
	}
	err = p.receive(ctx, id, &h, from, min(room, p.limits.Document), announced)
	if err == nil {
		return h.ID, nil
	}
	undo := p.store.Update(context.WithoutCancel(ctx), id, func(c vault.Contents) error { return c.DeleteAttachment(h.ID) })
	if errors.Is(undo, vault.ErrNoRow) || errors.Is(undo, vault.ErrUnknown) {
		undo = nil // somebody took it away meanwhile
	}
	return [16]byte{}, errors.Join(explainDocument(err), undo)
}

// beginDocument writes the head and returns how many bytes the contact has room for.
func (p *People) beginDocument(ctx context.Context, id vault.ContactID, h *head) (room int64, err error) {
	err = p.store.Update(ctx, id, func(c vault.Contents) error {
		k, err := open(c, id)
		if err != nil {
			return err
		}
		heads, err := k.heads()
		if err != nil {
			return err
		}
		room = p.limits.Documents
		for i := range heads {
			if !heads[i].Complete && p.now().Sub(heads[i].begun) > abandoned {
				if err := c.DeleteAttachment(heads[i].ID); err != nil {
					return err
				}
				continue
			}
			room -= heads[i].Bytes
		}
		return k.writeHead(h)
	})
	return room, err
}

// receive reads a document and writes it, a group of pieces at a time.
func (p *People) receive(ctx context.Context, id vault.ContactID, h *head, from io.Reader, room, announced int64) error {
	r := &parts{from: from}
	for n := uint32(0); !h.Complete; {
		batch, err := r.next()
		if err != nil {
			return err
		}
		for _, part := range batch {
			h.Bytes += int64(len(part))
		}
		h.Complete = r.ended
		switch {
		case h.Bytes > room:
			return ErrTooLarge
		case h.Complete && h.Bytes == 0:
			return ErrEmpty
		case h.Complete && announced > 0 && announced != h.Bytes:
			return ErrCut
		}
		if err := p.writePieces(ctx, id, h, n, batch); err != nil {
			return err
		}
		n += uint32(len(batch))
	}
	return nil
}

func (p *People) writePieces(ctx context.Context, id vault.ContactID, h *head, n uint32, batch [][]byte) error {
	return p.store.Update(ctx, id, func(c vault.Contents) error {
		s, err := sealerOf(c, id)
		if err != nil {
			return err
		}
		k := &kept{Contents: c, sealer: s}
		for i, part := range batch {
			last := h.Complete && i == len(batch)-1
			sealed, err := pieces{h}.seal(n+uint32(i), last, part)
			if err != nil {
				return err
			}
			if err := c.PutChunk(h.ID, n+uint32(i), sealed); err != nil {
				return err
			}
		}
		return k.writeHead(h)
	})
}

// parts cuts what is read into pieces, and knows which is the last.
type parts struct {
	from  io.Reader
	ahead []byte
	ended bool
}

// next returns the next pieces, up to a group of them.
func (r *parts) next() (batch [][]byte, err error) {
	for len(batch) < group && !r.ended {
		part := make([]byte, ChunkSize)
		n, err := io.ReadFull(r.from, part)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			r.ended = true
		case err != nil:
			return nil, fmt.Errorf("read the document: %w", err)
		}
		if len(r.ahead) > 0 {
			batch = append(batch, r.ahead)
		}
		r.ahead = part[:n]
	}
	if r.ended && len(r.ahead) > 0 {
		batch = append(batch, r.ahead)
	}
	return batch, nil
}

func explainDocument(err error) error {
	for _, own := range []error{ErrTooLarge, ErrEmpty, ErrCut, ErrDocument, ErrIncomplete, ErrSealed, vault.ErrUnknown} {
		if errors.Is(err, own) {
			return own
		}
	}
	if errors.Is(err, vault.ErrNoRow) {
		return ErrNoDatum
	}
	return err
}
