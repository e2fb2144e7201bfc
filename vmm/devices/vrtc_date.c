/* Dates as the clock chip shows them. */
/* Part: devices/; pure arithmetic for vrtc.c. */
#include "vmm/devices/vrtc_date.h"

#define DAY 86400

/* Days are counted from 1 March of the year 0, so that a leap day is the last of its year. */
#define DAYS_TO_1970 719468
#define DAYS_IN_400_YEARS 146097
#define DAYS_IN_100_YEARS 36524
#define DAYS_IN_4_YEARS 1461

#define YEAR_0_SECOND (-62167219200ll)	/* 1 January of the year 0 */

#define B_HOUR24 0x02u
#define B_BINARY 0x04u
#define HOUR_PM	 0x80u

#define ALARM_ANY 0xc0u	/* both high bits set: matches everything */
enum { FIELD_ANY = -1, FIELD_BAD = -2 };

enum { AT_SECOND, AT_SECOND_ALARM, AT_MINUTE, AT_MINUTE_ALARM, AT_HOUR, AT_HOUR_ALARM, AT_WEEKDAY,
       AT_DAY, AT_MONTH, AT_YEAR };

int64_t vrtc_date_wrap(int64_t second)
{
	const int64_t span = (int64_t)VRTC_DATE_SPAN;
	int64_t since = (second % span - YEAR_0_SECOND) % span;

	if (since < 0)
		since += span;
	return since + YEAR_0_SECOND;
}

unsigned int vrtc_date_of_day(int64_t second)
{
	return (unsigned int)((vrtc_date_wrap(second) - YEAR_0_SECOND) % DAY);
}

static uint8_t to_bcd(unsigned int v)
{
	return (uint8_t)(v / 10 << 4 | v % 10);
}

static unsigned int from_bcd(uint8_t v)
{
	return (v >> 4) * 10u + (v & 15u);
}

static uint8_t show_field(const uint8_t *bytes, unsigned int v)
{
	return bytes[VRTC_B] & B_BINARY ? (uint8_t)v : to_bcd(v);
}

static uint8_t show_hour(const uint8_t *bytes, unsigned int hour)
{
	uint8_t shown;

	if (bytes[VRTC_B] & B_HOUR24)
		return show_field(bytes, hour);
	shown = show_field(bytes, hour % 12 ? hour % 12 : 12);
	return hour >= 12 ? shown | HOUR_PM : shown;
}

void vrtc_date_show(uint8_t *bytes, int64_t second)
{
	int64_t since = vrtc_date_wrap(second) - YEAR_0_SECOND;
	unsigned int of_day = (unsigned int)(since % DAY);
	/*
	 * 1 January of the year 0 is 60 days short of 1 March; 400 years more keep the count
	 * positive.
	 */
	unsigned int day = (unsigned int)(since / DAY) + DAYS_IN_400_YEARS - 60;
	unsigned int weekday = (day + 3) % 7;	/* 1 March of the year 0 was a Wednesday */
	unsigned int year = day / DAYS_IN_400_YEARS * 400;
	unsigned int part, month;

	day %= DAYS_IN_400_YEARS;
	part = day / DAYS_IN_100_YEARS;
	part = part > 3 ? 3 : part;	/* the day that the fourth century has more */
	year += part * 100;
	day -= part * DAYS_IN_100_YEARS;
	year += day / DAYS_IN_4_YEARS * 4;
	day %= DAYS_IN_4_YEARS;
	part = day / 365;
	part = part > 3 ? 3 : part;	/* 29 February */
	year += part;
	day -= part * 365;
	month = (5 * day + 2) / 153;	/* from March = 0 */
	day -= (153 * month + 2) / 5;
	month += 3;
	if (month > 12) {
		month -= 12;
		year++;
	}
	year -= 400;

	bytes[AT_SECOND] = show_field(bytes, of_day % 60);
	bytes[AT_MINUTE] = show_field(bytes, of_day / 60 % 60);
	bytes[AT_HOUR] = show_hour(bytes, of_day / 3600);
	bytes[AT_WEEKDAY] = (uint8_t)(weekday + 1);
	bytes[AT_DAY] = show_field(bytes, day + 1);
	bytes[AT_MONTH] = show_field(bytes, month);
	bytes[AT_YEAR] = show_field(bytes, year % 100);
	bytes[VRTC_CENTURY] = to_bcd(year / 100);
}

static unsigned int clamp(unsigned int v, unsigned int low, unsigned int high)
{
	return v < low ? low : v > high ? high : v;
}

static unsigned int read_field(const uint8_t *bytes, uint8_t v)
{
	return bytes[VRTC_B] & B_BINARY ? v : from_bcd(v);
}

static unsigned int read_hour(const uint8_t *bytes, uint8_t v)
{
	unsigned int hour;

	if (bytes[VRTC_B] & B_HOUR24)
		return read_field(bytes, v);
	hour = read_field(bytes, v & (uint8_t)~HOUR_PM) % 12;
	return v & HOUR_PM ? hour + 12 : hour;
}

int64_t vrtc_date_read(const uint8_t *bytes)
{
	int64_t second = clamp(read_field(bytes, bytes[AT_SECOND]), 0, 59);
	int64_t minute = clamp(read_field(bytes, bytes[AT_MINUTE]), 0, 59);
	int64_t hour = clamp(read_hour(bytes, bytes[AT_HOUR]), 0, 23);
	int64_t day = clamp(read_field(bytes, bytes[AT_DAY]), 1, 31);
	int64_t month = clamp(read_field(bytes, bytes[AT_MONTH]), 1, 12);
	int64_t year = clamp(read_field(bytes, bytes[AT_YEAR]), 0, 99);

	/* 400 years more, so that no quotient below is of a negative number. */
	year += (int64_t)clamp(from_bcd(bytes[VRTC_CENTURY]), 0, 99) * 100 + 400;
	if (month <= 2) {
		month += 12;
		year--;
	}
	day += 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 - 1;
	day -= DAYS_IN_400_YEARS + DAYS_TO_1970;
	return vrtc_date_wrap(((day * 24 + hour) * 60 + minute) * 60 + second);
}

bool vrtc_date_is_alarm(unsigned int index)
{
	return index == AT_SECOND_ALARM || index == AT_MINUTE_ALARM || index == AT_HOUR_ALARM;
}

/* The chip compares bytes, so a value that the date never shows never matches. */
static int alarm_field(const uint8_t *bytes, uint8_t v, unsigned int last)
{
	unsigned int value = read_field(bytes, v);

	if (v >= ALARM_ANY)
		return FIELD_ANY;
	if (value > last || show_field(bytes, value) != v)
		return FIELD_BAD;
	return (int)value;
}

static int alarm_hour(const uint8_t *bytes)
{
	uint8_t v = bytes[AT_HOUR_ALARM];
	unsigned int value = read_hour(bytes, v);

	if (v >= ALARM_ANY)
		return FIELD_ANY;
	if (value > 23 || show_hour(bytes, value) != v)
		return FIELD_BAD;
	return (int)value;
}

int vrtc_date_alarm_delay(const uint8_t *bytes, unsigned int second_of_day)
{
	int want_s = alarm_field(bytes, bytes[AT_SECOND_ALARM], 59);
	int want_m = alarm_field(bytes, bytes[AT_MINUTE_ALARM], 59);
	int want_h = alarm_hour(bytes);
	int from = (int)second_of_day % 3600, hour = (int)second_of_day / 3600;
	int hours;

	if (want_s == FIELD_BAD || want_m == FIELD_BAD || want_h == FIELD_BAD)
		return -1;
	/* The hour it is now counts twice: from now to its end, and whole a day later. */
	for (hours = 0; hours <= 24; hours++) {
		int first = hours ? 0 : from;
		int m = want_m == FIELD_ANY ? first / 60 : want_m;
		int s = want_s == FIELD_ANY ? (m * 60 > first ? 0 : first % 60) : want_s;

		if (want_h != FIELD_ANY && want_h != (hour + hours) % 24)
			continue;
		if (want_m == FIELD_ANY && m * 60 + s < first)
			m++;
		if (m < 60 && m * 60 + s >= first)
			return hours * 3600 + m * 60 + s - from;
	}
	return -1;
}
