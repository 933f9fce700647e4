// SPDX-License-Identifier: Apache-2.0
// Names in OpenSSL's form and back. Private to this folder.
#pragma once

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "lib/base/result.h"
#include "minimal-master/pki/certificate.h"

namespace keelson::pki {

void ReadSubject(const X509_NAME* subject, Names& names);
void ReadAlternatives(const GENERAL_NAMES* alternatives, Names& names);
base::Result<X509_NAME*> MakeSubject(const Names& names);  // the caller's
// Null: there are none. The caller's.
base::Result<GENERAL_NAMES*> MakeAlternatives(const Names& names);

}  // namespace keelson::pki
