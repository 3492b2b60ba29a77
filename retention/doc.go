// Package retention keeps nothing longer than the settings say.
//
// Rows carry their own end, and ClickHouse deletes them by it. Once a day, and at each
// start after the settings have changed, a run gives rows the end that the settings say
// now, has contacts erased that were not seen for too long, looks for rows that are
// still there a day after their end, and writes a report.
//
// Guarantee: what a run could not do is in its report and is tried again; nobody is
// erased who is restricted, has an open request, or has an agreement in force.
package retention
