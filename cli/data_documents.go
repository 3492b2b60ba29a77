package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
)

type dataAttachCmd struct {
	personFlags
	reasonFlag
	File   string `arg:"" help:"the document; - reads standard input"`
	Name   string `help:"its name, default the file's" placeholder:"N"`
	Type   string `help:"its media type, default by the name's ending" placeholder:"T"`
	Source string `help:"where it is from" required:"" placeholder:"S"`
	Basis  string `help:"what it is kept for" placeholder:"B"`
}

// Run sends a document as it is read.
func (f *dataAttachCmd) Run(ctx context.Context, s streams) error {
	if f.File == "-" && f.Name == "" {
		return usageError{"--name is needed for standard input"}
	}
	c, about, err := f.open(s)
	if err != nil {
		return err
	}
	file := s.in
	if f.File != "-" {
		opened, err := os.Open(f.File)
		if err != nil {
			return fmt.Errorf("read the document: %w", err)
		}
		defer opened.Close() //nolint:errcheck // opened for reading
		if info, err := opened.Stat(); err == nil && info.Mode().IsRegular() {
			about["bytes"] = info.Size()
		}
		file = opened
		if f.Name == "" {
			f.Name = filepath.Base(f.File)
		}
	}
	if f.Type == "" {
		if f.Type = mime.TypeByExtension(filepath.Ext(f.Name)); f.Type == "" {
			f.Type = "application/octet-stream"
		}
	}
	about["name"], about["type"], about["source"], about["basis"], about["reason"] = f.Name, f.Type, f.Source, f.Basis, f.Reason
	return f.send(ctx, s, c, about, file)
}

func (f *dataAttachCmd) send(ctx context.Context, s streams, c *client, about map[string]any, file io.Reader) error {
	body, to := io.Pipe()
	defer body.Close() //nolint:errcheck // the writer below ends by it
	parts := multipart.NewWriter(to)
	go func() { to.CloseWithError(writeParts(parts, about, file)) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.access.URL+"/api/v1"+f.path("attach"), body)
	if err != nil {
		return fmt.Errorf("make the request to the console: %w", err)
	}
	resp, err := c.send(req, parts.FormDataContentType())
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	var out struct{ Contact, ID string }
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&out) != nil {
		return errUnread
	}
	_, err = fmt.Fprintf(s.out, "%s: document %s kept\n", out.Contact, out.ID)
	return err
}

// writeParts writes the two parts of a document on its way.
func writeParts(parts *multipart.Writer, about map[string]any, file io.Reader) error {
	head, err := parts.CreateFormField("about")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(head).Encode(about); err != nil {
		return err
	}
	content, err := parts.CreateFormFile("document", "document") // its name is in about: a header is logged more easily
	if err != nil {
		return err
	}
	if _, err := io.Copy(content, file); err != nil {
		return err
	}
	return parts.Close()
}

type dataFetchCmd struct {
	personFlags
	whyFlag
	Document string `arg:"" help:"id of the document"`
	Out      string `help:"file that is written; - writes to standard output" required:"" placeholder:"FILE"`
	Approval string `help:"of a reveal that a second person has approved" placeholder:"ID"`
}

// Run writes a document into a file of mode 0600, whole or not at all.
func (f *dataFetchCmd) Run(ctx context.Context, s streams) (err error) {
	c, body, err := f.open(s)
	if err != nil {
		return err
	}
	body["document"], body["reason"] = f.Document, f.Reason
	if f.Approval != "" {
		body["approval"] = f.Approval
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request to the console: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, f.path("document"), "application/json", raw)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if f.Out == "-" {
		_, err := whole(s.out, resp)
		return err
	}
	file, err := os.OpenFile(f.Out, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	n, err := whole(file, resp)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Out))
	}
	_, err = fmt.Fprintf(s.out, "%d bytes written\n", n)
	return err
}
