package gather

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"zgoda/control"
	"zgoda/export"
)

// SignatureTrailer is the trailer of an upload. Its value is
//
//	t=UNIX,key=NAME,ed25519=BASE64
//
// where the signature is of "zgoda export 1\n", t, "\n" and the SHA-256 of the body in
// lower-case hexadecimal digits.
const SignatureTrailer = "Zgoda-Signature"

// SignaturePrefix begins what is signed.
const SignaturePrefix = "zgoda export 1\n"

// Send uploads what was prepared to another controller by PUT, signed with the key of
// this node. It is not tried again by itself. What the controller answers beyond the
// status is not read.
func (d *Desk) Send(ctx context.Context, r control.Request, p export.Prepared, f export.Format, actor, address string) error {
	if err := d.MaySend(address); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: the URL cannot be read", export.ErrUpload)
	}
	e := control.Exported{Request: r.ID, At: p.Head.Made, Actor: actor, Format: string(f), Recipient: u.Host, Items: control.ExportedInPart}
	return d.recorded(ctx, e, func() (int64, error) { return d.upload(ctx, p, f, address) })
}

// MaySend says whether exports may go to a URL.
func (d *Desk) MaySend(address string) error {
	if d.Client == nil || d.Signer == nil || d.Callable == nil || d.Class == nil {
		return export.ErrNowhere
	}
	if err := d.Callable(address); err != nil {
		return fmt.Errorf("%w: %s", export.ErrUpload, d.Class(err))
	}
	return nil
}

// upload streams the export. Whatever cuts it off on this side breaks the connection
// off, so that no part of it looks whole there.
func (d *Desk) upload(ctx context.Context, p export.Prepared, f export.Format, address string) (items int64, err error) {
	from, to := io.Pipe()
	b := &body{from: from, sum: sha256.New()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, b)
	if err != nil {
		return 0, fmt.Errorf("%w: the URL cannot be read", export.ErrUpload)
	}
	req.ContentLength = -1
	req.Header.Set("Content-Type", f.MediaType())
	req.Header.Set("Zgoda-Request", p.Head.Request)
	req.Trailer = http.Header{SignatureTrailer: nil}
	b.end = func(sum []byte) error { return d.sign(req.Trailer, sum) }

	type made struct {
		items int64
		err   error
	}
	done := make(chan made, 1)
	go func() {
		w, err := export.New(f, to)
		var n int64
		if err == nil {
			n, err = export.Write(ctx, w, p.Head, p.Source)
		}
		_ = to.CloseWithError(err) // nil: the end
		done <- made{n, err}
	}()
	resp, err := d.Client.Do(req)
	_ = from.CloseWithError(io.ErrClosedPipe) // whatever is not read any more
	whole := <-done
	switch {
	case err != nil && whole.err != nil && !errors.Is(whole.err, io.ErrClosedPipe):
		return 0, whole.err
	case err != nil:
		return 0, fmt.Errorf("%w: %s", export.ErrUpload, d.Class(err))
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return 0, fmt.Errorf("%w: status %d", export.ErrUpload, resp.StatusCode)
	}
	if whole.err != nil { // it took less than all
		return 0, fmt.Errorf("%w: it answered before the end", export.ErrUpload)
	}
	return whole.items, nil
}

func (d *Desk) sign(into http.Header, sum []byte) error {
	t := strconv.FormatInt(d.now().Unix(), 10)
	signature, err := d.Signer.Sign([]byte(SignaturePrefix + t + "\n" + hex.EncodeToString(sum)))
	if err != nil {
		return fmt.Errorf("sign the export: %w", err)
	}
	into.Set(SignatureTrailer, "t="+t+",key="+d.Signer.Name()+",ed25519="+base64.StdEncoding.EncodeToString(signature))
	return nil
}

// body is what is uploaded. At its end the trailer is set.
type body struct {
	from *io.PipeReader
	sum  hash.Hash
	end  func(sum []byte) error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.sum.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if signed := b.end(b.sum.Sum(nil)); signed != nil {
			return n, signed
		}
	}
	return n, err
}

func (b *body) Close() error { return b.from.Close() }
