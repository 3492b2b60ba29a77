package person

import (
	"context"
	"fmt"
	"io"

	"zgoda/pseudonym/vault"
)

// Document writes a document of a contact. begin is told first what it is.
func (p *People) Document(ctx context.Context, id vault.ContactID, document [16]byte, begin func(Document) error, to io.Writer) error {
	var h head
	err := p.store.View(ctx, id, func(c vault.Contents) error {
		k, err := open(c, id)
		if err != nil {
			return err
		}
		heads, err := k.heads()
		if err != nil {
			return err
		}
		for i := range heads {
			if heads[i].ID == document {
				h = heads[i]
				return nil
			}
		}
		return vault.ErrNoRow
	})
	if err != nil {
		return explainDocument(err)
	}
	defer clear(h.key[:])
	if !h.Complete {
		return ErrIncomplete
	}
	if err := begin(h.Document); err != nil {
		return err
	}
	for n := uint32(0); n < h.count(); n += group {
		batch, err := p.readPieces(ctx, id, &h, n)
		if err != nil {
			return explainDocument(err)
		}
		for _, part := range batch {
			if _, err := to.Write(part); err != nil {
				return fmt.Errorf("write the document: %w", err)
			}
		}
	}
	return nil
}

func (p *People) readPieces(ctx context.Context, id vault.ContactID, h *head, from uint32) (batch [][]byte, err error) {
	count := h.count()
	err = p.store.View(ctx, id, func(c vault.Contents) error {
		for n := from; n < min(from+group, count); n++ {
			sealed, err := c.Chunk(h.ID, n)
			if err != nil {
				return err
			}
			part, err := pieces{h}.open(n, n == count-1, sealed)
			if err != nil {
				return err
			}
			batch = append(batch, part)
		}
		return nil
	})
	return batch, err
}

// receiveDocuments moves another contact's documents here: their keys are sealed
// under this contact's, their pieces stay as they are.
func (k *kept) receiveDocuments(from *kept) error {
	heads, err := from.heads()
	if err != nil {
		return err
	}
	for i := range heads {
		h := &heads[i]
		var sealed [][]byte
		for n := uint32(0); h.Complete && n < h.count(); n++ {
			part, err := from.Chunk(h.ID, n)
			if err != nil {
				return err
			}
			sealed = append(sealed, part)
		}
		if err := from.DeleteAttachment(h.ID); err != nil {
			return err
		}
		if !h.Complete {
			continue // whoever sends it is told that the contact is gone
		}
		if err := k.writeHead(h); err != nil {
			return err
		}
		for n, part := range sealed {
			if err := k.PutChunk(h.ID, uint32(n), part); err != nil {
				return err
			}
		}
	}
	return nil
}
