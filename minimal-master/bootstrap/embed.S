/* SPDX-License-Identifier: Apache-2.0 */
    .section .rodata
    .global keelson_bootstrap_objects_begin
    .global keelson_bootstrap_objects_end
keelson_bootstrap_objects_begin:
    .incbin "data/objects.json"
keelson_bootstrap_objects_end:
    .section .note.GNU-stack,"",@progbits
