package vault

import (
	"database/sql"
	"errors"
	"fmt"
)

// Attachments returns the heads of the contact's attachments.
func (c *contents) Attachments() ([]Head, error) {
	rows, err := c.tx.QueryContext(c.ctx, "SELECT id, head, bytes, complete FROM attachments WHERE contact = $1 ORDER BY id", c.id)
	if err != nil {
		return nil, fmt.Errorf("list attachments: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []Head
	for rows.Next() {
		var h Head
		var id []byte
		var complete int
		if err := rows.Scan(&id, &h.Sealed, &h.Bytes, &complete); err != nil {
			return nil, fmt.Errorf("list attachments: %w", err)
		}
		if len(id) != len(h.ID) {
			return nil, fmt.Errorf("list attachments: %w", ErrSalt)
		}
		h.ID, h.Complete = [16]byte(id), complete != 0
		all = append(all, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list attachments: %w", err)
	}
	return all, nil
}

// PutHead writes what is kept of an attachment beside its chunks.
func (c *contents) PutHead(h Head) error {
	complete := 0
	if h.Complete {
		complete = 1
	}
	return c.one("write an attachment", `INSERT INTO attachments (id, contact, head, bytes, complete) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET head = excluded.head, bytes = excluded.bytes, complete = excluded.complete WHERE attachments.contact = excluded.contact`,
		h.ID[:], c.id, h.Sealed, h.Bytes, complete)
}

// owned says ErrNoRow for an attachment that is not this contact's.
func (c *contents) owned(attachment [16]byte) error {
	var one int
	err := c.tx.QueryRowContext(c.ctx, "SELECT 1 FROM attachments WHERE id = $1 AND contact = $2", attachment[:], c.id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRow
	}
	return err
}

// PutChunk writes a part of an attachment.
func (c *contents) PutChunk(attachment [16]byte, n uint32, sealed []byte) error {
	err := c.owned(attachment)
	if err == nil {
		_, err = c.tx.ExecContext(c.ctx, "INSERT INTO attachment_chunks (attachment, n, sealed) VALUES ($1, $2, $3) ON CONFLICT (attachment, n) DO UPDATE SET sealed = excluded.sealed",
			attachment[:], n, sealed)
	}
	if err != nil {
		return fmt.Errorf("write a part of an attachment: %w", err)
	}
	return nil
}

// Chunk returns a part of an attachment.
func (c *contents) Chunk(attachment [16]byte, n uint32) ([]byte, error) {
	err := c.owned(attachment)
	var sealed []byte
	if err == nil {
		err = c.tx.QueryRowContext(c.ctx, "SELECT sealed FROM attachment_chunks WHERE attachment = $1 AND n = $2", attachment[:], n).Scan(&sealed)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoRow
	}
	if err != nil {
		return nil, fmt.Errorf("read a part of an attachment: %w", err)
	}
	return sealed, nil
}

// DeleteAttachment removes an attachment and its parts.
func (c *contents) DeleteAttachment(id [16]byte) error {
	err := c.owned(id)
	if err == nil {
		_, err = c.tx.ExecContext(c.ctx, "DELETE FROM attachment_chunks WHERE attachment = $1", id[:])
	}
	if err != nil {
		return fmt.Errorf("delete an attachment: %w", err)
	}
	return c.one("delete an attachment", "DELETE FROM attachments WHERE id = $1 AND contact = $2", id[:], c.id)
}
