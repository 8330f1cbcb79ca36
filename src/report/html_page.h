/* The page of the HTML report, made by scripts/embed-page of src/report/html/ when we are built. */
#ifndef HOP_REPORT_HTML_PAGE_H
#define HOP_REPORT_HTML_PAGE_H

#include <stddef.h>

/* What stands before and behind the data. */
extern const char hop_html_page_before[], hop_html_page_behind[];
extern const size_t hop_html_page_before_size, hop_html_page_behind_size;

#endif
