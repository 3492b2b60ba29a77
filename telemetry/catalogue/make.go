package catalogue

import "strings"

// option adds to a metric of the tables.
type option func(*Metric)

func metric(t Type, name, help string, options []option) Metric {
	m := Metric{Name: name, Help: help, Type: t, Unit: unit(name), Process: Gateway}
	for _, o := range options {
		o(&m)
	}
	return m
}

func counter(name, help string, options ...option) Metric {
	return metric(Counter, name, help, options)
}

func gauge(name, help string, options ...option) Metric { return metric(Gauge, name, help, options) }

// histogram has the upper edges of its classic form.
func histogram(name, help string, buckets []float64, options ...option) Metric {
	m := metric(Histogram, name, help, options)
	m.Buckets = buckets
	return m
}

// by is a label with all its values.
func by(name string, values ...string) option {
	return func(m *Metric) { m.Labels = append(m.Labels, Label{Name: name, Values: values}) }
}

// upTo is a label whose values are not known here, but how many there can be.
func upTo(bound int, name, means string) option {
	return func(m *Metric) { m.Labels = append(m.Labels, Label{Name: name, Bound: bound, Means: means}) }
}

// when says which setting the metric needs.
func when(setting string) option { return func(m *Metric) { m.When = setting } }

// note says what to make of the numbers.
func note(text string) option { return func(m *Metric) { m.Note = text } }

// sparse is said of a metric whose series come with their first value.
func sparse(m *Metric) { m.Sparse = true }

// group sets what the metrics of one table have in common.
func group(name string, process Process, list ...Metric) []Metric {
	for i := range list {
		list[i].Group, list[i].Process = name, process
		list[i].Native = list[i].Type == Histogram && process == Gateway
	}
	return list
}

// unit reads a metric's unit off its name.
func unit(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, u := range []string{"seconds", "bytes", "ratio", "days"} {
		if strings.HasSuffix(name, "_"+u) || strings.HasSuffix(name, "_"+u+"_limit") || strings.Contains(name, "_limit_"+u) {
			return u
		}
	}
	return ""
}
