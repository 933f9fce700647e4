# SPDX-License-Identifier: Apache-2.0
"""Clients that are not kubectl."""
CASES = {}
