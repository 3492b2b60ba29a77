package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxScrape bounds what is read of a scrape.
const maxScrape = 16 << 20

// Metrics are the samples of one scrape.
type Metrics struct {
	samples map[string][]sample // by name
	date    time.Time           // of the answer, by the other's clock; zero: it did not say
	read    time.Time           // by ours
}

type sample struct {
	labels map[string]string
	value  float64
}

var errScrape = errors.New("the answer is not of Prometheus' text form")

// Scrape reads the metrics at a base URL, as http://127.0.0.1:8082.
func Scrape(ctx context.Context, base string) (*Metrics, error) {
	resp, err := get(ctx, base+"/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics were answered with %d", resp.StatusCode)
	}
	m := &Metrics{samples: map[string][]sample{}, read: time.Now()}
	m.date, _ = http.ParseTime(resp.Header.Get("Date"))
	in := bufio.NewScanner(io.LimitReader(resp.Body, maxScrape))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if err := m.line(in.Text()); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	return m, nil
}

var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy

func get(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("not an address: give http://HOST:PORT")
	}
	resp, err := direct.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: nobody listens", ErrNotRunning)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return resp, err
}

// line reads NAME{LABEL="VALUE",...} NUMBER.
func (m *Metrics) line(text string) error {
	if text == "" || text[0] == '#' {
		return nil
	}
	end := strings.IndexAny(text, "{ ")
	if end < 1 {
		return errScrape
	}
	name, rest := text[:end], text[end:]
	s := sample{labels: map[string]string{}}
	if rest[0] == '{' {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			label, value, ok := strings.Cut(rest, "=")
			quoted, err := strconv.QuotedPrefix(value)
			if !ok || err != nil {
				return errScrape
			}
			if s.labels[label], err = strconv.Unquote(quoted); err != nil {
				return errScrape
			}
			rest = strings.TrimPrefix(value[len(quoted):], ",")
		}
		rest = rest[1:]
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return errScrape
	}
	var err error
	if s.value, err = strconv.ParseFloat(fields[0], 64); err != nil {
		return errScrape
	}
	m.samples[name] = append(m.samples[name], s)
	return nil
}

// value returns the largest of a family's samples, and whether there is one.
func (m *Metrics) value(name string) (float64, bool) {
	list := m.samples[name]
	if len(list) == 0 {
		return 0, false
	}
	most := list[0].value
	for _, s := range list[1:] {
		most = max(most, s.value)
	}
	return most, true
}

// above returns the largest value of a family if it is more than a limit.
func (m *Metrics) above(name string, limit float64) (float64, bool) {
	v, ok := m.value(name)
	return v, ok && v > limit
}

// each hands over every sample with the value of one label.
func (m *Metrics) each(name, label string, do func(labelled string, value float64)) {
	for _, s := range m.samples[name] {
		do(s.labels[label], s.value)
	}
}

// ratio returns one family's value as a part of another's, which has to be above 0.
func (m *Metrics) ratio(part, whole string) (float64, bool) {
	a, ok := m.value(part)
	b, both := m.value(whole)
	if !ok || !both || b <= 0 {
		return 0, false
	}
	return a / b, true
}

// beside hands over each sample of one family with the greatest of another that has the
// same value of a label.
func (m *Metrics) beside(part, whole, label string, do func(labelled string, part, whole float64)) {
	wholes := map[string]float64{}
	m.each(whole, label, func(labelled string, v float64) { wholes[labelled] = max(v, wholes[labelled]) })
	m.each(part, label, func(labelled string, v float64) {
		if of, ok := wholes[labelled]; ok {
			do(labelled, v, of)
		}
	})
}
