// SPDX-License-Identifier: Apache-2.0
// ImageService: translates between the CRI and the image service. No handler blocks.
#pragma once

#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "lib/base/clock.h"
#include "runtime/cri/call.h"
#include "runtime/cri/item_stream.h"
#include "runtime/cri/lasting_calls.h"
#include "runtime/image/image_service.h"

namespace keelson::cri_server {

class ImageServer final : public cri::ImageService::WithRawCallbackMethod_StreamImages<
                              cri::ImageService::CallbackService> {
 public:
  ImageServer(image::ImageService& images, base::Clock& clock, async::Executor& executor,
              operations::Operations& operations)
      : images_(images), clock_(clock), executor_(executor), operations_(operations) {}
  void EndCalls() {
    pulls_.Stop();
    list_streams_.Stop();
  }

  Reactor* ListImages(Context* context, const cri::ListImagesRequest* request,
                      cri::ListImagesResponse* response) override;
  Reactor* ImageStatus(Context* context, const cri::ImageStatusRequest* request,
                       cri::ImageStatusResponse* response) override;
  Reactor* PullImage(Context*, const cri::PullImageRequest* request,
                     cri::PullImageResponse* response) override;
  Reactor* RemoveImage(Context* context, const cri::RemoveImageRequest* request,
                       cri::RemoveImageResponse*) override;
  Reactor* ImageFsInfo(Context* context, const cri::ImageFsInfoRequest*,
                       cri::ImageFsInfoResponse* response) override;
  // list_stream_calls.cc
  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamImages(
      Context* context, const grpc::ByteBuffer* request) override;

 private:
  image::ImageService& images_;
  base::Clock& clock_;
  async::Executor& executor_;
  operations::Operations& operations_;
  LastingCalls<CancellableCall> pulls_;
  LastingCalls<ItemStream> list_streams_;
};

}  // namespace keelson::cri_server
