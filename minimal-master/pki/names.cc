// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/names.h"

#include "lib/base/ip_address.h"
#include "lib/certificate/openssl.h"

namespace keelson::pki {

using base::IpAddress;
using certificate::Freer;
using certificate::NamePtr;
using certificate::OpensslError;
namespace {

std::string Utf8(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0) return {};
  std::string out(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

std::string Raw(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

bool AddPart(X509_NAME* name, int nid, const std::string& value) {
  return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool AddAlternative(GENERAL_NAMES* to, int type, const std::string& value) {
  ASN1_STRING* text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  GENERAL_NAME* name = GENERAL_NAME_new();
  KEELSON_CHECK(text != nullptr && name != nullptr);
  KEELSON_CHECK(ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1);
  GENERAL_NAME_set0_value(name, type, text);
  if (sk_GENERAL_NAME_push(to, name) > 0) return true;
  GENERAL_NAME_free(name);
  return false;
}

}  // namespace

void ReadSubject(const X509_NAME* subject, Names& names) {
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const std::string value = Utf8(X509_NAME_ENTRY_get_data(entry));
    switch (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry))) {
      case NID_commonName:
        names.common_name = value;
        break;
      case NID_organizationName:
        names.organizations.push_back(value);
        break;
      default:
        names.other_subject_parts = true;
    }
  }
}

void ReadAlternatives(const GENERAL_NAMES* alternatives, Names& names) {
  for (int i = 0; alternatives != nullptr && i < sk_GENERAL_NAME_num(alternatives); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alternatives, i), &type);
    const auto* text = static_cast<const ASN1_STRING*>(value);
    if (type == GEN_DNS) names.dns.push_back(Raw(text));
    if (type == GEN_EMAIL) names.emails.push_back(Raw(text));
    if (type == GEN_URI) names.uris.push_back(Raw(text));
    if (type != GEN_IPADD) continue;
    if (const auto ip = IpAddress::FromBytes(Raw(text))) names.ips.push_back(ip->Text());
  }
}

base::Result<X509_NAME*> MakeSubject(const Names& names) {
  NamePtr name(X509_NAME_new());
  KEELSON_CHECK(name != nullptr);
  for (const std::string& organization : names.organizations)
    if (!AddPart(name.get(), NID_organizationName, organization))
      return OpensslError(base::Code::kInvalidArgument, "organization '" + organization + "'");
  if (!names.common_name.empty() && !AddPart(name.get(), NID_commonName, names.common_name))
    return OpensslError(base::Code::kInvalidArgument, "common name '" + names.common_name + "'");
  return name.release();
}

base::Result<GENERAL_NAMES*> MakeAlternatives(const Names& names) {
  std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> all(GENERAL_NAMES_new());
  KEELSON_CHECK(all != nullptr);
  for (const std::string& dns : names.dns) AddAlternative(all.get(), GEN_DNS, dns);
  for (const std::string& email : names.emails) AddAlternative(all.get(), GEN_EMAIL, email);
  for (const std::string& uri : names.uris) AddAlternative(all.get(), GEN_URI, uri);
  for (const std::string& ip : names.ips) {
    const std::optional<IpAddress> address = IpAddress::Parse(ip);
    if (!address) return base::InvalidArgument("'{}' is not an IP address", ip);
    AddAlternative(all.get(), GEN_IPADD, std::string(address->raw()));
  }
  if (sk_GENERAL_NAME_num(all.get()) == 0) return static_cast<GENERAL_NAMES*>(nullptr);
  return all.release();
}

}  // namespace keelson::pki
