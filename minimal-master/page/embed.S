/* SPDX-License-Identifier: Apache-2.0 */
    .section .rodata
    .global keelson_page_html_begin
    .global keelson_page_html_end
keelson_page_html_begin:
    .incbin "files/page.html"
keelson_page_html_end:
    .global keelson_page_css_begin
    .global keelson_page_css_end
keelson_page_css_begin:
    .incbin "files/page.css"
keelson_page_css_end:
    .global keelson_page_js_begin
    .global keelson_page_js_end
keelson_page_js_begin:
    .incbin "files/page.js"
keelson_page_js_end:
    .global keelson_page_icon_begin
    .global keelson_page_icon_end
keelson_page_icon_begin:
    .incbin "files/icon.svg"
keelson_page_icon_end:
    .section .note.GNU-stack,"",@progbits
