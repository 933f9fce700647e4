// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/image_server.h"

#include "lib/base/strings.h"
#include "runtime/cri/convert.h"

namespace keelson::cri_server {

using base::Result;

Reactor* ImageServer::ListImages(Context* context, const cri::ListImagesRequest* request,
                                 cri::ListImagesResponse* response) {
  if (const std::string& wanted = request->filter().image().image(); !wanted.empty()) {
    if (const std::optional<image::Image> found = images_.Find(wanted))
      *response->add_images() = ToImage(*found);
  } else {
    for (const image::Image& image : images_.List()) *response->add_images() = ToImage(image);
  }
  return Answer(context, grpc::Status::OK);
}

Reactor* ImageServer::ImageStatus(Context* context, const cri::ImageStatusRequest* request,
                                  cri::ImageStatusResponse* response) {
  const std::optional<image::Image> found = images_.Find(request->image().image());
  if (found) {
    *response->mutable_image() = ToImage(*found);
    if (request->verbose()) (*response->mutable_info())["config"] = found->raw_config;
  }
  return Answer(context, grpc::Status::OK);
}

Reactor* ImageServer::PullImage(Context*, const cri::PullImageRequest* request,
                                cri::PullImageResponse* response) {
  CancellableCall* const call = pulls_.Add();
  auto operation =
      std::make_shared<operations::Operation>(operations_, "PullImage", request->image().image());
  executor_.Post([this, request, response, call, operation = std::move(operation)]() mutable {
    operation->Begin();
    operations::Stage("waiting for the pull");
    std::optional<fetch::Credentials> credentials;
    if (request->has_auth()) {
      const cri::AuthConfig& auth = request->auth();
      credentials = fetch::Credentials{auth.username(), auth.password(), auth.identity_token(),
                                       auth.registry_token()};
      if (credentials->username.empty() && !auth.auth().empty()) {
        const std::string pair = base::Base64Decode(auth.auth()).value_or("");
        const size_t colon = pair.find(':');
        if (colon != std::string::npos) {
          credentials->username = pair.substr(0, colon);
          credentials->password = pair.substr(colon + 1);
        }
      }
    }
    Result<std::string> id = images_.Pull(request->image().image(), credentials, call->token());
    if (id.ok()) response->set_image_ref(*id);
    if (!id.ok()) operation->Failed();
    operation.reset();
    if (!id.ok() && id.error().code() == base::Code::kUnavailable) {
      // The word by which kubelets tell it from a missing image; they look at the message only
      // when the code says nothing.
      call->Finish(grpc::Status(grpc::UNKNOWN, "RegistryUnavailable: " + id.error().message()));
      return;
    }
    call->Finish(id.ok() ? grpc::Status::OK : rpc::ToGrpc(id.error()));
  });
  return call;
}

Reactor* ImageServer::RemoveImage(Context* context, const cri::RemoveImageRequest* request,
                                  cri::RemoveImageResponse*) {
  return Run(executor_, operations_, context, "RemoveImage", request->image().image(),
             [this, request] { return images_.Remove(request->image().image()); });
}

Reactor* ImageServer::ImageFsInfo(Context* context, const cri::ImageFsInfoRequest*,
                                  cri::ImageFsInfoResponse* response) {
  return Run(executor_, operations_, context, "ImageFsInfo", "",
             [this, response]() -> base::Status {
               ASSIGN_OR_RETURN(const image::FsUsage usage, images_.Usage());
               for (cri::FilesystemUsage* out :
                    {response->add_image_filesystems(), response->add_container_filesystems()}) {
                 out->set_timestamp(clock_.WallNanos());
                 out->mutable_fs_id()->set_mountpoint(usage.mountpoint);
                 out->mutable_used_bytes()->set_value(usage.used_bytes);
                 out->mutable_inodes_used()->set_value(usage.inodes_used);
               }
               return {};
             });
}

}  // namespace keelson::cri_server
