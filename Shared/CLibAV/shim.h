#include <libavcodec/avcodec.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixfmt.h>
#include <libswresample/swresample.h>

/* Swift cannot see these, because libav spells them as macros with arguments or casts. */
static inline int martlet_av_again(void) { return AVERROR(EAGAIN); }
static inline int martlet_av_end(void) { return AVERROR_EOF; }
static inline int64_t martlet_av_no_time(void) { return AV_NOPTS_VALUE; }
