package shop

import (
	"fmt"
	"slices"
	"time"
)

// daysOf are the days of each month.
var daysOf = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// holidays are the days without deliveries, month and day.
var holidays = []string{"01-01", "05-01", "10-03", "12-25", "12-26"}

// Parse reads a date of birth, "2006-01-02".
func Parse(text string) (time.Time, error) {
	var year, month, day int
	if _, err := fmt.Sscanf(text, "%4d-%2d-%2d", &year, &month, &day); err != nil {
		return time.Time{}, fmt.Errorf("date %q: %w", text, err)
	}
	if month < 1 || month > 12 {
		return time.Time{}, fmt.Errorf("date %q: no such month", text)
	}
	if day < 1 || day > daysOf[month-1] {
		return time.Time{}, fmt.Errorf("date %q: no such day", text)
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), nil
}

// Week returns the calendar week that a delivery is announced for.
func Week(t time.Time) int {
	week := (t.YearDay()-1)/7 + 1
	if week > 52 {
		week = 1
	}
	return week
}

// Day is a day in the calendar of deliveries.
type Day struct {
	Date             time.Time
	Weekend, Holiday bool
}

// Delivers reports whether parcels are brought on a day.
func Delivers(t time.Time) bool {
	return t.Weekday() != time.Sunday && !slices.Contains(holidays, t.Format("01-02"))
}

// Range lists the days from one date to another, both included.
func Range(from, to time.Time) []Day {
	var out []Day
	for t := from; !t.After(to); t = t.AddDate(0, 0, 1) {
		weekend := t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
		out = append(out, Day{Date: t, Weekend: weekend})
	}
	return out
}

// Zone returns the time zone of a customer.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, nil
	}
	return zone, nil
}

// Format writes the time of a log line; each service gives its language.
func Format(lang string, t time.Time) string {
	switch lang {
	case "de":
		return t.Format("02.01.2006 15:04")
	case "en":
		return t.Format("01/02/2006 3:04 PM")
	default:
		return t.Format(time.RFC3339)
	}
}
