package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
)

type renewalsCmd struct {
	dataFlag
	siteFlag
	formatFlag
	Days int `help:"grants that end within so many days are listed too; default ${default}" default:"30" placeholder:"N"`
}

// renewalLine is one line of the console's answer.
type renewalLine struct {
	Contact, Purpose, Day string
	Expired               bool
}

// Run lists whom to ask again. The list may be long: it is printed as it comes.
func (f *renewalsCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	resp, err := c.do(ctx, http.MethodGet, "/sites/"+url.PathEscape(f.Site)+"/renewals?days="+strconv.Itoa(f.Days), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if f.Format == "JSON" {
		_, err = io.Copy(s.out, resp.Body)
	} else {
		err = printRenewals(s.out, resp.Body)
	}
	if err != nil {
		return fmt.Errorf("the list was cut off: %w", err)
	}
	return outcome(resp.Trailer)
}

func printRenewals(out io.Writer, body io.Reader) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := json.NewDecoder(body)
	for n := 0; ; n++ {
		var l renewalLine
		err := lines.Decode(&l)
		if errors.Is(err, io.EOF) {
			if n == 0 {
				_, _ = fmt.Fprintln(w, "nobody is to be asked again")
			}
			return w.Flush()
		}
		if err != nil {
			return errors.Join(errUnread, w.Flush())
		}
		if n == 0 {
			_, _ = fmt.Fprintln(w, "contact\tpurpose\tgrant\tday")
		}
		state := "ends"
		if l.Expired {
			state = "expired"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Contact, l.Purpose, state, l.Day)
	}
}
